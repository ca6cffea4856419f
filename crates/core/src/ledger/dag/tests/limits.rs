use super::*;

/// A chain of one author that is not held here from its first block on, lowest first.
fn orphans(author: u8, count: usize) -> Vec<VerifiedRun> {
    let mut elsewhere = dag_of(RoomKind::Open, 9);
    (0..=count).map(|_| alone(&mut elsewhere, author, b"o")).skip(1).collect()
}

/// of one author so many blocks wait, and the highest go first.
#[test]
fn pending_blocks_of_an_author_are_bounded_highest_first() {
    let mut dag = dag();
    let most = PENDING_AUTHOR_COUNT_MAX;
    let orphans = orphans(1, most + 5);
    for run in orphans.iter().rev() {
        let _ = dag.offer(run.clone(), PEER);
        assert!(dag.pending_count() <= most);
    }
    assert_eq!(dag.pending_count(), most);
    // The five highest are gone: offering the lowest again finds it known, the highest does not.
    assert_eq!(dag.offer(orphans[0].clone(), PEER).known_count, 1);
    let highest = orphans[most + 4].clone();
    assert_eq!(dag.offer(highest, PEER).dropped_count, 1);
}

/// when a link closes, what it brought and what still waits goes.
#[test]
fn pending_blocks_of_a_closed_link_are_forgotten() {
    let mut dag = dag();
    for run in orphans(1, 10) {
        let _ = dag.offer(run, PEER);
    }
    for run in orphans(2, 3) {
        let _ = dag.offer(run, Source(8));
    }
    dag.forget(PEER);
    assert_eq!((dag.pending_count(), dag.missing(9).len()), (3, 1));
    dag.forget(Source(8));
    assert_eq!((dag.pending_count(), dag.missing(9).len()), (0, 0));
}

/// where all peers together bring too much, the one that brought most gives way.
#[test]
fn flooding_peer_gives_way_to_others() {
    let mut dag = dag();
    let flood = |dag: &mut Dag, authors: core::ops::Range<u8>, source: Source| {
        for author in authors {
            for run in orphans(author, PENDING_AUTHOR_COUNT_MAX / 2) {
                let _ = dag.offer(run, source);
            }
        }
    };
    flood(&mut dag, 1..10, PEER);
    assert_eq!(dag.pending_count(), PENDING_PEER_COUNT_MAX);
    flood(&mut dag, 11..20, Source(8));
    assert_eq!(dag.pending_count(), PENDING_COUNT_MAX);
    let honest = orphans(30, 50);
    for run in &honest {
        let _ = dag.offer(run.clone(), Source(9));
    }
    assert_eq!(dag.pending_count(), PENDING_COUNT_MAX);
    for run in honest {
        assert_eq!(dag.offer(run, Source(9)).known_count, 1);
    }
}

/// a member has 64 slots; a further author is held only where a good block needs it.
#[test]
fn further_slots_of_a_member_are_held_only_where_needed() {
    let mut dag = dag();
    let member = key(150);
    let by_slot = |dag: &Dag, slot: u8| {
        let author = Signing::from_seed(&[slot.wrapping_add(1); 32]);
        let credential =
            Credential::issue(&dag.room(), &member, &author.author(), slot % 64, vec![]);
        let (wall, mut rng) = (WallTime::from_ms(0), Rng::new(Seed([1; 32])));
        let header = dag.draft(author.author(), Some(&credential), Flags::NONE, wall, &mut rng);
        let header = Header { parents: Parents::default(), height: 1, ..header.expect("a header") };
        VerifiedRun::sign(&dag.room(), &author, header, &[0; 16]).expect("a block")
    };
    for slot in 0..64 {
        let run = by_slot(&dag, slot);
        assert_eq!(dag.offer(run, PEER).held_count, 1, "slot {slot}");
    }
    let beyond = by_slot(&dag, 64);
    assert_eq!(dag.offer(beyond.clone(), PEER).dropped_count, 1);
    let parents = Parents::new(&[id_of(&beyond)]);
    let cites = Header { parents, height: 2, ..draft(&dag, 99) };
    let cites = sign(&dag, 99, cites, b"x");
    assert_eq!(dag.offer(cites, PEER).pending_count, 1);
    assert_eq!(dag.offer(beyond, PEER).held_count, 2);
}

/// a public room holds so many authors, so many blocks of each and so many bytes.
#[test]
fn public_room_is_capped() {
    let mut dag = dag_of(RoomKind::Public, 1);
    dag.caps = Caps { author_count: 3, author_block_count: 2, body_bytes: 150 };
    for author in 1..=3 {
        alone(&mut dag, author, b"a");
    }
    let header = Header { parents: Parents::default(), height: 1, ..draft(&dag, 4) };
    let fourth = sign(&dag, 4, header, b"x");
    assert_eq!(dag.offer(fourth, PEER).dropped_count, 1);
    alone(&mut dag, 1, b"b");
    let header = Header { parents: Parents::default(), height: 3, ..draft(&dag, 1) };
    let third = sign(&dag, 1, header, b"x");
    assert_eq!(dag.offer(third, PEER).dropped_count, 1);
    let header = draft(&dag, 2);
    let long = sign(&dag, 2, header, &[0; 100]);
    assert_eq!(dag.offer(long, PEER).dropped_count, 1);
    assert_eq!(dag.held_count(), 4);
    let caps = Caps::of(RoomKind::Public);
    assert_eq!((caps.author_count, caps.author_block_count), (1_024, 16_384));
}

/// anyone writes in a public room, and addresses give it the same id.
#[test]
fn anyone_writes_in_a_public_room() {
    let mut dag = dag_of(RoomKind::Public, 1);
    write(&mut dag, 3, b"hello");
    assert_eq!(dag.genesis().kind(), RoomKind::Public);
}

/// The design's bound: 300 bytes for a held block beside its payload, even where each is signed.
#[test]
fn held_block_takes_at_most_300_bytes() {
    let mut dag = dag();
    let count = 3_000_usize;
    for n in 0..count {
        write(&mut dag, u8::try_from(n % 10).expect("small"), b"");
    }
    let bytes = dag.memory_bytes() / count;
    assert!(bytes <= 300, "{bytes} bytes");
}
