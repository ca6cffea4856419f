//! The rooms, and the way from them to the sockets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshlace_core::rng::Seed;
use meshlace_core::signalling::room::{
    AddressKey, ClientId, Rooms, RoomsConfig, RoomsCounts, RoomsEffect, RoomsInput,
};
use meshlace_core::time::{Now, Timestamp, WallTime};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::outbox::{Outbox, Pushed};

/// All rooms and the outbox of every socket.
#[derive(Debug)]
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    /// Tells the timer that something is due earlier than it sleeps.
    earlier: Notify,
    /// Tells whoever waits for the end that a socket is gone.
    gone: Notify,
    started: Instant,
}

#[derive(Debug)]
struct Inner {
    rooms: Rooms,
    outboxes: HashMap<ClientId, Arc<Outbox>>,
    client_last: u64,
    /// Tasks of sockets that have not ended.
    socket_count: usize,
    /// What the timer sleeps until.
    timer_due: Option<Timestamp>,
}

impl Hub {
    pub(crate) fn new(config: RoomsConfig, seed: Seed) -> Self {
        let inner = Inner {
            rooms: Rooms::new(config, seed),
            outboxes: HashMap::new(),
            client_last: 0,
            socket_count: 0,
            timer_due: None,
        };
        Self {
            inner: Mutex::new(inner),
            earlier: Notify::new(),
            gone: Notify::new(),
            started: Instant::now(),
        }
    }

    /// A socket is open: its name, and where what it is to be sent will stand.
    pub(crate) fn open(
        &self,
        host: String,
        address: Option<AddressKey>,
    ) -> (ClientId, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::default());
        let mut inner = self.lock();
        inner.client_last += 1;
        inner.socket_count += 1;
        let client = ClientId(inner.client_last);
        inner.outboxes.insert(client, Arc::clone(&outbox));
        self.input(&mut inner, RoomsInput::Opened { client, host, address });
        (client, outbox)
    }

    /// A message came.
    pub(crate) fn received(&self, client: ClientId, bytes: Vec<u8>) {
        self.input(&mut self.lock(), RoomsInput::Received { client, bytes });
    }

    /// A message came that cannot be read.
    pub(crate) fn unreadable(&self, client: ClientId) {
        self.input(&mut self.lock(), RoomsInput::Unreadable { client });
    }

    /// A socket is gone.
    pub(crate) fn closed(&self, client: ClientId) {
        let mut inner = self.lock();
        inner.outboxes.remove(&client);
        inner.socket_count -= 1;
        self.input(&mut inner, RoomsInput::Closed { client });
        if inner.socket_count == 0 {
            self.gone.notify_waiters();
        }
    }

    /// Tells every client that the server stops.
    pub(crate) fn drain(&self) {
        self.input(&mut self.lock(), RoomsInput::Drain);
    }

    /// How much there is.
    pub(crate) fn counts(&self) -> RoomsCounts {
        self.lock().rooms.counts()
    }

    /// Runs the timers of the rooms. Never returns.
    pub(crate) async fn run_timers(&self) {
        loop {
            let due = {
                let mut inner = self.lock();
                inner.timer_due = inner.rooms.poll_timeout();
                inner.timer_due
            };
            tokio::select! {
                () = self.sleep_until(due) => {
                    self.input(&mut self.lock(), RoomsInput::Tick);
                }
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Returns once every socket is gone.
    pub(crate) async fn wait_until_empty(&self) {
        loop {
            let gone = self.gone.notified();
            if self.lock().socket_count == 0 {
                return;
            }
            gone.await;
        }
    }

    async fn sleep_until(&self, due: Option<Timestamp>) {
        match due {
            Some(due) => {
                tokio::time::sleep_until(self.started + Duration::from_millis(due.as_ms())).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Feeds one input and hands out what follows from it. A client whose outbox is full is too
    /// slow: it is cut, and resumes when it can.
    fn input(&self, inner: &mut Inner, input: RoomsInput) {
        let now = self.now();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            // What it says of faults concerns the client, who has been told.
            let _ = inner.rooms.handle(now, input);
            while let Some(effect) = inner.rooms.poll_effect() {
                match effect {
                    RoomsEffect::Send { client, bytes } => {
                        let outbox = inner.outboxes.get(&client);
                        if outbox.is_some_and(|outbox| outbox.push(bytes) == Pushed::Overflow) {
                            inner.outboxes.remove(&client);
                            inputs.push(RoomsInput::Closed { client });
                        }
                    }
                    RoomsEffect::Close { client, .. } => {
                        if let Some(outbox) = inner.outboxes.remove(&client) {
                            outbox.finish();
                        }
                    }
                    // Non-exhaustive: a later kind of effect is not for this server.
                    _ => {}
                }
            }
        }
        let due = inner.rooms.poll_timeout();
        if due.is_some_and(|due| inner.timer_due.is_none_or(|timer_due| due < timer_due)) {
            inner.timer_due = due;
            self.earlier.notify_one();
        }
    }

    fn now(&self) -> Now {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Timestamp::from_ms(ms(self.started.elapsed())),
            wall: WallTime::from_ms(ms(wall)),
        }
    }

    /// A panic in one task must not take the rooms of all others with it.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
