use super::*;

/// Two ledgers alike up to a block of author 1, after which it writes two histories.
struct Forked {
    ours: Dag,
    theirs: Dag,
    /// In ours.
    left: Vec<VerifiedRun>,
    /// In theirs.
    right: Vec<VerifiedRun>,
}

fn forked(common: u8, branch: u8) -> Forked {
    let (mut ours, mut theirs) = (dag(), dag_of(RoomKind::Open, 2));
    for n in 0..common {
        let run = alone(&mut ours, 1, &[n]);
        assert_eq!(theirs.offer(run, PEER).held_count, 1);
    }
    let left = (0..branch).map(|n| alone(&mut ours, 1, &[n, 0])).collect();
    let right = (0..branch).map(|n| alone(&mut theirs, 1, &[n, 1])).collect();
    Forked { ours, theirs, left, right }
}

/// what only blocks that became void name is a tip again, and so the next block stands above it.
#[test]
fn what_void_blocks_alone_name_is_a_tip_again() {
    let Forked { mut ours, right, .. } = forked(2, 1);
    let named_by_void = id_of(&alone(&mut ours, 3, b"only the void block names it"));
    let named_by_two = id_of(&alone(&mut ours, 4, b"another names it too"));
    write(&mut ours, 1, b"to be void");
    let head = ours.block_of(&key(1).author(), 1).expect("held");
    let parents = Parents::new(&[named_by_two]);
    let header = Header { parents, height: 2, ..draft(&ours, 5) };
    let other = sign(&ours, 5, header, b"b");
    assert_eq!(ours.offer(other.clone(), OWN).held_count, 1);
    assert_eq!(ours.tips().len(), 2);
    assert_eq!(ours.offer(right[0].clone(), PEER).forked.len(), 1);
    let tips = [named_by_void, id_of(&other)].map(|id| ours.index_of(&id).expect("held"));
    assert_eq!(ours.tips(), [head, tips[0], tips[1]]);
    let next = draft(&ours, 6);
    assert!(next.height > ours.block(head).expect("held").height);
}

/// the second block of one author and number is a fork, and the proof stands by itself.
#[test]
fn fork_is_found_and_proved() {
    let Forked { mut ours, right, .. } = forked(2, 3);
    let offered = ours.offer(right[0].clone(), PEER);
    assert_eq!((offered.forked, offered.dropped_count), (vec![key(1).author()], 1));
    let proof = ours.fork_of(&key(1).author()).expect("a proof");
    assert_eq!((proof.author(), proof.seq()), (key(1).author(), 2));
    assert_eq!(ForkProof::check(&ours.room(), proof.bytes()).as_ref(), Ok(proof));
}

/// a proof cut, bent, doubled, of one block, or for another room proves nothing.
#[test]
fn refuses_false_proofs() {
    let Forked { mut ours, right, left, .. } = forked(1, 2);
    let _ = ours.offer(right[0].clone(), PEER);
    let room = ours.room();
    let proof = ours.fork_of(&key(1).author()).expect("a proof").bytes().to_vec();
    for len in 0..proof.len() {
        assert!(ForkProof::check(&room, &proof[..len]).is_err(), "cut at {len}");
        let mut bent = proof.clone();
        bent[len] ^= 1;
        assert!(ForkProof::check(&room, &bent).is_err(), "bent at {len}");
    }
    let other = Genesis::public("lobby").expect("a genesis").room();
    assert!(ForkProof::check(&other, &proof).is_err());
    let side = |run: &VerifiedRun| {
        let block = &run.blocks()[0];
        (vec![block.header().encode()], block.signature().expect("signed"))
    };
    let join = |one: &VerifiedRun, other: &VerifiedRun| {
        let (one, other) = (side(one), side(other));
        ForkProof::join(&room, (&one.0, one.1), (&other.0, other.1))
    };
    assert!(join(&left[0], &right[0]).is_ok());
    assert_eq!(join(&left[0], &left[0]), Err(LedgerFault::NoFork));
    assert_eq!(join(&left[0], &left[1]), Err(LedgerFault::NoFork));
    let innocent = alone(&mut ours, 2, b"innocent");
    assert_eq!(join(&left[0], &innocent), Err(LedgerFault::NoFork));
    let ((headers, _), (_, signature)) = (side(&left[0]), side(&right[0]));
    let forged = ForkProof::join(&room, (&headers, signature), (&side(&right[0]).0, signature));
    assert_eq!(forged, Err(LedgerFault::BadSignature));
    let gap = [side(&left[1]).0, side(&left[0]).0].concat();
    let broken = ForkProof::join(&room, (&gap, signature), (&headers, signature));
    assert_eq!(broken, Err(LedgerFault::BrokenRun { index: 1 }));
}

/// from the forked number on the author is void; what lies below stays.
#[test]
fn forked_author_is_void_from_the_fork_on() {
    let Forked { mut ours, right, .. } = forked(2, 3);
    let mut order = Order::new();
    assert_eq!(order.settle(&ours), Some(0));
    assert_eq!(order.len(), 5);
    let _ = ours.offer(right[0].clone(), PEER);
    assert_eq!((order.settle(&ours), order.len()), (Some(2), 2));
    assert_eq!(ours.count_of(&key(1).author()), 2);
    let void = |seq: u32| {
        let views = (0..ours.held_count()).filter_map(|at| ours.block(BlockIndex(at)));
        views.filter(|view| view.seq == seq).map(|view| view.is_void).collect::<Vec<_>>()
    };
    assert_eq!((void(1), void(2), void(4)), (vec![false], vec![true], vec![true]));
    let may_write = ours.draft(
        key(1).author(),
        None,
        Flags::NONE,
        WallTime::from_ms(0),
        &mut Rng::new(Seed([1; 32])),
    );
    assert_eq!(may_write, None);
}

/// peers that saw different branches agree once both know of the fork.
#[test]
fn peers_that_saw_different_branches_agree() {
    let Forked { mut ours, mut theirs, left, right } = forked(2, 3);
    assert_ne!(ours.digest(), theirs.digest());
    let _ = ours.offer(right[0].clone(), PEER);
    let _ = theirs.offer(left[0].clone(), PEER);
    assert_eq!((ours.digest(), ours.frontier()), (theirs.digest(), theirs.frontier()));
    assert_eq!(ours.frontier()[0].forked, Some(2));
}

/// a proof alone does too, and a lower one replaces it.
#[test]
fn proof_from_a_peer_is_taken_over_and_the_lowest_counts() {
    let Forked { mut ours, mut theirs, right, .. } = forked(2, 3);
    let mut low = theirs_fork_at(&mut ours, 1);
    let _ = ours.offer(right[0].clone(), PEER);
    let high = ours.fork_of(&key(1).author()).expect("a proof").clone();
    assert!(theirs.note_fork(high.clone()));
    assert!(!theirs.note_fork(high.clone()));
    assert_eq!(theirs.digest(), ours.digest());
    let offered = ours.offer(low.pop().expect("a run"), PEER);
    assert_eq!(offered.forked, vec![key(1).author()]);
    let lower = ours.fork_of(&key(1).author()).expect("a proof").clone();
    assert_eq!(lower.seq(), 1);
    assert_ne!(theirs.digest(), ours.digest());
    assert!(theirs.note_fork(lower));
    assert!(!theirs.note_fork(high));
    assert_eq!(theirs.digest(), ours.digest());
}

/// Another block of author 1 with this number.
fn theirs_fork_at(dag: &mut Dag, seq: u32) -> Vec<VerifiedRun> {
    let at = dag.block_of(&key(1).author(), seq).expect("held");
    let header = dag.header_of(at).expect("a header");
    vec![sign(dag, 1, header, b"another")]
}

/// nothing more of a forked author is kept, unless a good block names it.
#[test]
fn void_blocks_are_kept_only_where_a_good_block_needs_them() {
    let Forked { mut ours, mut theirs, right, .. } = forked(2, 3);
    let cites = write(&mut theirs, 5, b"cites the right branch");
    let _ = ours.offer(right[0].clone(), PEER);
    let held = ours.held_count();
    for run in &right {
        assert_eq!(ours.offer(run.clone(), PEER).dropped_count, 1);
    }
    assert_eq!(ours.held_count(), held);
    assert_eq!(ours.offer(cites.clone(), PEER).pending_count, 1);
    let wanted = ours.missing(9);
    assert_eq!(wanted.len(), 1);
    assert_eq!((wanted[0].id, wanted[0].place), (id_of(&right[2]), None));
    for run in right.iter().rev() {
        assert_eq!(ours.offer(run.clone(), PEER).dropped_count, 0);
    }
    assert_eq!((ours.held_count(), ours.pending_count()), (held + 4, 0));
    let mut order = Order::new();
    let _ = order.settle(&ours);
    assert_eq!(order.len(), 3);
    assert!(order.place_of(&ours, ours.index_of(&id_of(&cites)).expect("held")).is_some());
    let _ = theirs.note_fork(ours.fork_of(&key(1).author()).expect("a proof").clone());
    assert_eq!(ours.digest(), theirs.digest());
}

/// a whole branch in one run is wanted from its end.
#[test]
fn wanted_branch_comes_in_one_run() {
    let Forked { mut ours, mut theirs, right, .. } = forked(2, 3);
    let cites = write(&mut theirs, 5, b"cites the right branch");
    let _ = ours.offer(right[0].clone(), PEER);
    let _ = ours.offer(cites, PEER);
    let blocks = right.iter().flat_map(|run| run.blocks.clone()).collect();
    let offered = ours.offer(VerifiedRun { blocks }, PEER);
    assert_eq!((offered.held_count, offered.dropped_count), (4, 0));
}

/// blocks of two forked authors that name only one another are not kept.
#[test]
fn forked_authors_cannot_vouch_for_one_another() {
    let Forked { mut ours, mut theirs, right, .. } = forked(1, 1);
    let common = alone(&mut theirs, 2, b"common");
    let _ = ours.offer(common, PEER);
    let twin = alone(&mut ours, 2, b"left");
    let cites = write(&mut theirs, 2, b"cites the fork of author 1");
    let _ = theirs.offer(twin, PEER);
    let proof = theirs.fork_of(&key(2).author()).expect("a proof").clone();
    assert!(ours.note_fork(proof));
    let _ = ours.offer(right[0].clone(), PEER);
    let held = ours.held_count();
    assert_eq!(ours.offer(cites, PEER).dropped_count, 1);
    assert_eq!((ours.offer(right[0].clone(), PEER).dropped_count, ours.held_count()), (1, held));
}

/// a fork whose second branch came first and waits is found when its ancestor comes.
#[test]
fn fork_among_pending_blocks_is_found() {
    let mut author = dag();
    let first = alone(&mut author, 1, b"first");
    let below = alone(&mut author, 2, b"seen by the right branch only");
    let right = write(&mut author, 1, b"right");
    let mut ours = dag_of(RoomKind::Open, 3);
    let _ = ours.offer(first, PEER);
    assert_eq!(ours.offer(right, PEER).pending_count, 1);
    let left = alone(&mut ours, 1, b"left");
    assert_eq!(left.blocks()[0].header().seq, 1);
    let offered = ours.offer(below, PEER);
    assert_eq!((offered.forked, offered.held_count), (vec![key(1).author()], 1));
}

/// an evidence block makes the fork known to whoever holds it, and to nobody else's harm.
#[test]
fn evidence_block_makes_the_fork_known() {
    let Forked { mut ours, mut theirs, right, .. } = forked(2, 1);
    let _ = ours.offer(right[0].clone(), PEER);
    let proof = ours.fork_of(&key(1).author()).expect("a proof").bytes().to_vec();
    let header = Header { flags: Flags::EVIDENCE, ..draft(&ours, 2) };
    let evidence = sign(&ours, 2, header, &proof);
    for dag in [&mut ours, &mut theirs] {
        let _ = dag.offer(evidence.clone(), PEER);
    }
    assert_eq!(theirs.fork_of(&key(1).author()).map(ForkProof::seq), Some(2));
    assert_eq!(theirs.digest(), ours.digest());
}

/// a proof about an author of whom nothing is held is not kept.
#[test]
fn proof_about_a_stranger_is_not_kept() {
    let Forked { mut ours, right, .. } = forked(2, 1);
    let _ = ours.offer(right[0].clone(), PEER);
    let proof = ours.fork_of(&key(1).author()).expect("a proof").clone();
    let mut empty = dag_of(RoomKind::Open, 9);
    let before = empty.digest();
    assert!(!empty.note_fork(proof));
    assert_eq!((empty.digest(), empty.forks().count()), (before, 0));
}
