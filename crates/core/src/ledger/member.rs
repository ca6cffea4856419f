//! Members, the slots they write from, and who lets them write.
//!
//! A member is a key that a person keeps; an author is a key of one tab or device, so that two tabs
//! of one person never extend the same chain. The member certifies each of its slot keys, and the
//! first block of an author carries that certificate together with the grants that lead from the
//! room's creator to the member. Both are checked once, when that first block comes; nothing else
//! about membership decides whether a block is valid.
//!
//! ```text
//! genesis key --grant--> member --grant--> member --certificate--> author --signs--> blocks
//! ```
//!
//! Out of scope: revocation and expiry, which take effect in the final order and not here.
//!
//! Source: docs/protocol.md R-304 to R-309.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::{Context, Signature, Signing, verify};
use crate::id::{AuthorId, MemberId, RoomId};
use crate::limits::{GRANT_COUNT_MAX, SLOT_COUNT_MAX};

use super::fault::LedgerFault;
use super::genesis::{Genesis, RoomKind};

/// A member's word that another may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who may write.
    pub member: MemberId,
    /// Whether it may let others write too.
    pub may_grant: bool,
    /// Of the one who grants.
    pub signature: Signature,
}

impl Grant {
    /// Lets `member` write in `room`, by the member whose key this is.
    #[must_use]
    pub fn issue(room: &RoomId, issuer: &Signing, member: MemberId, may_grant: bool) -> Self {
        let message = grant_message(room, &issuer.member(), &member, may_grant);
        Self { member, may_grant, signature: issuer.sign(Context::GRANT, &message) }
    }
}

/// What the first block of an author carries: whose slot it is, and why that member may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The member.
    pub member: MemberId,
    /// Which of its slots; less than [`SLOT_COUNT_MAX`].
    pub slot: u8,
    /// The member's signature over room, author and slot.
    pub certificate: Signature,
    /// From the room's creator down to the member; empty for the creator and in open rooms.
    pub grants: Vec<Grant>,
}

impl Credential {
    /// Certifies `author` as slot `slot` of the member whose key this is.
    #[must_use]
    pub fn issue(
        room: &RoomId,
        member: &Signing,
        author: &AuthorId,
        slot: u8,
        grants: Vec<Grant>,
    ) -> Self {
        let certificate = member.sign(Context::SLOT, &slot_message(room, author, slot));
        Self { member: member.member(), slot, certificate, grants }
    }

    /// Checks that `author` may write in the room of `genesis`.
    ///
    /// Cost: one signature check and one for each grant.
    ///
    /// # Errors
    /// - [`LedgerFault::SlotOutOfRange`] - a slot number that no member has.
    /// - [`LedgerFault::BadCertificate`] - the member did not certify this author.
    /// - [`LedgerFault::NotGranted`] - the grants do not lead from the creator to the member.
    /// - [`LedgerFault::GrantNotAllowed`] - a grant by someone who may not grant.
    /// - [`LedgerFault::BadGrant`] - a grant that its issuer did not sign.
    pub fn check(&self, genesis: &Genesis, author: &AuthorId) -> Result<(), LedgerFault> {
        if self.slot >= SLOT_COUNT_MAX {
            return Err(LedgerFault::SlotOutOfRange { found: self.slot });
        }
        let room = genesis.room();
        let message = slot_message(&room, author, self.slot);
        verify(self.member.as_bytes(), Context::SLOT, &message, &self.certificate)
            .map_err(|_| LedgerFault::BadCertificate)?;
        match (genesis.kind(), genesis.creator()) {
            (RoomKind::Owned, Some(creator)) => self.check_grants(&room, creator),
            _ if self.grants.is_empty() => Ok(()),
            _ => Err(LedgerFault::NotGranted),
        }
    }

    fn check_grants(&self, room: &RoomId, creator: MemberId) -> Result<(), LedgerFault> {
        let mut issuer = creator;
        let mut may_grant = true;
        for (index, grant) in self.grants.iter().enumerate() {
            if !may_grant {
                return Err(LedgerFault::GrantNotAllowed { index });
            }
            let message = grant_message(room, &issuer, &grant.member, grant.may_grant);
            verify(issuer.as_bytes(), Context::GRANT, &message, &grant.signature)
                .map_err(|_| LedgerFault::BadGrant { index })?;
            (issuer, may_grant) = (grant.member, grant.may_grant);
        }
        if issuer == self.member { Ok(()) } else { Err(LedgerFault::NotGranted) }
    }

    /// Layout: `[member, slot, certificate, [[member, may_grant, signature], ..]]`.
    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(4).bytes(self.member.as_bytes()).u32(u32::from(self.slot));
        writer.bytes(self.certificate.as_bytes()).array(self.grants.len());
        for grant in &self.grants {
            writer.array(3).bytes(grant.member.as_bytes()).bool(grant.may_grant);
            writer.bytes(grant.signature.as_bytes());
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.fields(4)?;
        let member = MemberId::from_bytes(reader.array_of()?);
        let slot = reader.u8()?;
        let certificate = Signature::from_bytes(reader.array_of()?);
        let count = reader.array(GRANT_COUNT_MAX)?;
        let mut grants = Vec::with_capacity(count);
        for _ in 0..count {
            reader.fields(3)?;
            let member = MemberId::from_bytes(reader.array_of()?);
            let may_grant = reader.bool()?;
            let signature = Signature::from_bytes(reader.array_of()?);
            grants.push(Grant { member, may_grant, signature });
        }
        Ok(Self { member, slot, certificate, grants })
    }
}

fn slot_message(room: &RoomId, author: &AuthorId, slot: u8) -> Vec<u8> {
    let mut writer = Writer::with_capacity(80);
    writer.array(3).bytes(room.as_bytes()).bytes(author.as_bytes()).u32(u32::from(slot));
    writer.finish()
}

fn grant_message(room: &RoomId, issuer: &MemberId, member: &MemberId, may_grant: bool) -> Vec<u8> {
    let mut writer = Writer::with_capacity(112);
    writer.array(4).bytes(room.as_bytes()).bytes(issuer.as_bytes());
    writer.bytes(member.as_bytes()).bool(may_grant);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn key(fill: u8) -> Signing {
        Signing::from_seed(&[fill; 32])
    }

    fn owned() -> Genesis {
        Genesis::create(RoomKind::Owned, key(1).member(), "board", [7; 16]).expect("a genesis")
    }

    fn open() -> Genesis {
        Genesis::create(RoomKind::Open, key(1).member(), "board", [7; 16]).expect("a genesis")
    }

    fn grant(genesis: &Genesis, issuer: u8, member: u8, may_grant: bool) -> Grant {
        Grant::issue(&genesis.room(), &key(issuer), key(member).member(), may_grant)
    }

    fn check(genesis: &Genesis, member: u8, grants: Vec<Grant>) -> Result<(), LedgerFault> {
        let author = key(50).author();
        Credential::issue(&genesis.room(), &key(member), &author, 3, grants).check(genesis, &author)
    }

    /// R-305, R-307: in an open room anyone writes; in an owned one the creator, and whoever a
    /// chain of grants from it names.
    #[test]
    fn members_write_where_the_genesis_or_grants_let_them() {
        assert_eq!(check(&open(), 9, vec![]), Ok(()));
        let room = owned();
        assert_eq!(check(&room, 1, vec![]), Ok(()));
        assert_eq!(check(&room, 2, vec![grant(&room, 1, 2, false)]), Ok(()));
        let through = vec![grant(&room, 1, 2, true), grant(&room, 2, 3, false)];
        assert_eq!(check(&room, 3, through), Ok(()));
    }

    /// R-304: a certificate is good for one room, author and slot.
    #[test]
    fn refuses_certificate_for_another_author_slot_or_room() {
        let (room, author) = (open(), key(50).author());
        let good = Credential::issue(&room.room(), &key(2), &author, 3, vec![]);
        assert_eq!(good.check(&room, &author), Ok(()));
        assert_eq!(good.check(&room, &key(51).author()), Err(LedgerFault::BadCertificate));
        assert_eq!(good.check(&owned(), &author), Err(LedgerFault::BadCertificate));
        let moved = Credential { slot: 4, ..good };
        assert_eq!(moved.check(&room, &author), Err(LedgerFault::BadCertificate));
    }

    /// R-306: slots are numbered below 64.
    #[test]
    fn refuses_slot_out_of_range() {
        let (room, author) = (open(), key(50).author());
        let last = Credential::issue(&room.room(), &key(2), &author, 63, vec![]);
        assert_eq!(last.check(&room, &author), Ok(()));
        let beyond = Credential::issue(&room.room(), &key(2), &author, 64, vec![]);
        let refusal = Err(LedgerFault::SlotOutOfRange { found: 64 });
        assert_eq!(beyond.check(&room, &author), refusal);
    }

    /// R-307: no grants, grants for another, or grants where none belong.
    #[test]
    fn refuses_member_that_was_not_granted() {
        let room = owned();
        assert_eq!(check(&room, 2, vec![]), Err(LedgerFault::NotGranted));
        assert_eq!(check(&room, 3, vec![grant(&room, 1, 2, true)]), Err(LedgerFault::NotGranted));
        let open = open();
        assert_eq!(check(&open, 2, vec![grant(&open, 1, 2, true)]), Err(LedgerFault::NotGranted));
    }

    /// R-308: who may only write cannot pass it on.
    #[test]
    fn refuses_grant_by_one_who_may_not_grant() {
        let room = owned();
        let grants = vec![grant(&room, 1, 2, false), grant(&room, 2, 3, false)];
        assert_eq!(check(&room, 3, grants), Err(LedgerFault::GrantNotAllowed { index: 1 }));
    }

    /// R-309: a grant that its issuer did not sign, for this room and in these words.
    #[test]
    fn refuses_forged_or_altered_grant() {
        let room = owned();
        let forged = grant(&room, 9, 2, false);
        assert_eq!(check(&room, 2, vec![forged]), Err(LedgerFault::BadGrant { index: 0 }));
        let widened = Grant { may_grant: true, ..grant(&room, 1, 2, false) };
        assert_eq!(check(&room, 2, vec![widened]), Err(LedgerFault::BadGrant { index: 0 }));
        let elsewhere = grant(&open(), 1, 2, false);
        assert_eq!(check(&room, 2, vec![elsewhere]), Err(LedgerFault::BadGrant { index: 0 }));
    }

    /// R-306: a credential reads back, and no more grants than allowed are read.
    #[test]
    fn credential_round_trips_and_refuses_too_many_grants() {
        let room = owned();
        let author = key(50).author();
        let read = |bytes: &[u8]| Credential::read(&mut Reader::new(bytes));
        let written = |count: usize| {
            let grants = vec![grant(&room, 1, 2, true); count];
            let mut writer = Writer::new();
            let credential = Credential::issue(&room.room(), &key(2), &author, 3, grants);
            credential.write(&mut writer);
            (credential, writer.finish())
        };
        let (credential, bytes) = written(GRANT_COUNT_MAX);
        assert_eq!(read(&bytes), Ok(credential));
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "cut at {len}");
        }
        let (_, bytes) = written(GRANT_COUNT_MAX + 1);
        assert!(matches!(read(&bytes), Err(DecodeError::Oversize { .. })));
    }
}
