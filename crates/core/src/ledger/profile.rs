//! From a profile to a member: one key that a person keeps, another in every room.
//!
//! A member's key is derived from the profile's and the room's id, so that nobody can tell that two
//! rooms have a member in common. A room's creator is named in the genesis, whose hash is the id: its
//! key is derived from all the rest of the genesis instead. A genesis made up of another's parts is
//! either that very one or names a creator that the profile does not derive, and then it is a room
//! like any other.
//!
//! Source: docs/protocol.md.

use crate::crypto::{Context, Signing, derive};
use crate::limits::GENESIS_NONCE_BYTES;
use crate::rng::Seed;

use super::genesis::{Genesis, RoomKind};

/// The key that creates rooms of this kind, name and nonce.
fn creator_key(profile: &Seed, kind: RoomKind, name: &str, nonce: &[u8]) -> Signing {
    let kind = [u8::from(kind == RoomKind::Owned)];
    let seed = derive(Context::CREATOR, &[&profile.0, &kind, name.as_bytes(), nonce]);
    Signing::from_seed(seed.as_bytes())
}

/// A profile creates a room. `None` as for [`Genesis::create`].
#[must_use]
pub fn create_room(
    profile: &Seed,
    kind: RoomKind,
    name: &str,
    nonce: [u8; GENESIS_NONCE_BYTES],
) -> Option<Genesis> {
    let creator = creator_key(profile, kind, name, &nonce).member();
    Genesis::create(kind, creator, name, nonce)
}

/// A profile's key as a member of a room: its creator's, where the profile created it.
#[must_use]
pub fn member_key(profile: &Seed, genesis: &Genesis) -> Signing {
    if let Some(creator) = genesis.creator()
        && let Some(nonce) = genesis.bytes().last_chunk::<GENESIS_NONCE_BYTES>()
    {
        let key = creator_key(profile, genesis.kind(), genesis.name(), nonce);
        if key.member() == creator {
            return key;
        }
    }
    let seed = derive(Context::MEMBER, &[&profile.0, genesis.room().as_bytes()]);
    Signing::from_seed(seed.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Seed = Seed([1; 32]);
    const THEIRS: Seed = Seed([2; 32]);

    fn create(profile: &Seed, nonce: u8) -> Genesis {
        create_room(profile, RoomKind::Owned, "board", [nonce; 16]).expect("a genesis")
    }

    /// a profile is the creator of the rooms it made, and somebody else in every other.
    #[test]
    fn profile_is_one_member_in_each_room() {
        let room = create(&OURS, 3);
        assert_eq!(Some(member_key(&OURS, &room).member()), room.creator());
        assert_ne!(Some(member_key(&THEIRS, &room).member()), room.creator());
        let public = Genesis::public("lobby").expect("a genesis");
        let members = [&room, &create(&OURS, 4), &create(&THEIRS, 3), &public]
            .map(|room| member_key(&OURS, room).member());
        for (number, member) in members.iter().enumerate() {
            assert!(!members[..number].contains(member));
        }
    }

    /// a genesis that names our key as its creator, in other words than ours, does not get it.
    #[test]
    fn borrowed_creator_is_not_taken_for_ours() {
        let ours = create(&OURS, 3);
        let creator = ours.creator().expect("a creator");
        for (kind, name, nonce) in [
            (RoomKind::Open, "board", [3; 16]),
            (RoomKind::Owned, "bored", [3; 16]),
            (RoomKind::Owned, "board", [4; 16]),
        ] {
            let borrowed = Genesis::create(kind, creator, name, nonce).expect("a genesis");
            assert_ne!(member_key(&OURS, &borrowed).member(), creator);
        }
    }
}
