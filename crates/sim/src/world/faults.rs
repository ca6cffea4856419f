//! What can go wrong, by name.

use meshlace_core::node::{Input, Lifecycle};

use crate::connection::Dtls;
use crate::network::SERVER;

use super::{HostId, HostState, World};

impl World {
    /// The page is frozen; it was told before.
    pub fn freeze(&mut self, host: HostId) {
        if self.hosts[host].state == HostState::Running {
            self.note(format_args!("h{host} is frozen"));
            self.feed(host, Input::Lifecycle(Lifecycle::Frozen));
            self.hosts[host].state = HostState::Frozen;
        }
    }

    /// The page runs again.
    pub fn thaw(&mut self, host: HostId) {
        if self.hosts[host].state == HostState::Frozen {
            self.note(format_args!("h{host} thaws"));
            self.wake(host, vec![Input::Lifecycle(Lifecycle::Resumed)]);
        }
    }

    /// The process is stopped, without a word.
    pub fn stop(&mut self, host: HostId) {
        if self.hosts[host].state == HostState::Running {
            self.note(format_args!("h{host} is stopped"));
            self.hosts[host].state = HostState::Stopped;
        }
    }

    /// The process runs on.
    pub fn resume(&mut self, host: HostId) {
        if self.hosts[host].state == HostState::Stopped {
            self.note(format_args!("h{host} runs on"));
            self.wake(host, vec![Input::Tick]);
        }
    }

    /// The process is killed: its sockets close at once, nothing is said on any connection.
    pub fn kill(&mut self, host: HostId) {
        self.note(format_args!("h{host} is killed"));
        self.bury(host);
    }

    /// The page is closed: it is told, and its process ends with that turn. What it handed to connections that it did
    /// not close is lost.
    pub fn close_page(&mut self, host: HostId) {
        self.note(format_args!("h{host} closes its page"));
        self.feed(host, Input::Lifecycle(Lifecycle::Hidden));
        self.bury(host);
    }

    fn bury(&mut self, host: HostId) {
        self.hosts[host].state = HostState::Dead;
        self.hosts[host].backlog.clear();
        self.hosts[host].disk.crash(host, &mut self.chance);
        self.close_sockets_of(host);
        self.checker.died(host);
    }

    /// Nothing passes between two hosts' machines.
    pub fn cut(&mut self, one: HostId, other: HostId) {
        self.note(format_args!("cut h{one} - h{other}"));
        self.network.cut(self.hosts[one].machine, self.hosts[other].machine);
    }

    /// The path between two hosts is whole again.
    pub fn mend(&mut self, one: HostId, other: HostId) {
        self.note(format_args!("mend h{one} - h{other}"));
        self.network.mend(self.hosts[one].machine, self.hosts[other].machine);
    }

    /// A host's machine loses its network: peers and server.
    pub fn unplug(&mut self, host: HostId) {
        self.note(format_args!("unplug h{host}"));
        let machine = self.hosts[host].machine;
        for other in self.hosts.iter().map(|other| other.machine).chain([SERVER]) {
            if other != machine {
                self.network.cut(machine, other);
            }
        }
    }

    /// A host's machine has its network again, on another address if so wished; the page is told.
    pub fn plug(&mut self, host: HostId, is_new_address: bool) {
        self.note(format_args!("plug h{host}, new address: {is_new_address}"));
        let machine = self.hosts[host].machine;
        for other in self.hosts.iter().map(|other| other.machine).chain([SERVER]) {
            self.network.mend(machine, other);
        }
        if is_new_address {
            self.network.readdress(machine);
        }
        self.feed(host, Input::Lifecycle(Lifecycle::Online));
    }

    /// The connection between two hosts goes silent while everything says "open".
    pub fn mute(&mut self, one: HostId, other: HostId) {
        self.note(format_args!("mute h{one} - h{other}"));
        for index in 0..self.connections.len() {
            let partner = self.connections[index].partner.map(|p| self.connections[p].host);
            let host = self.connections[index].host;
            if partner == Some(other) && host == one || partner == Some(one) && host == other {
                self.connections[index].is_mute = true;
            }
        }
    }

    /// The newest connection a host has towards another, however far it came.
    #[must_use]
    pub fn connection_between(&self, one: HostId, other: HostId) -> Option<usize> {
        self.connections.iter().rposition(|connection| {
            connection.host == one
                && !connection.is_closed
                && connection.dtls == Dtls::Up
                && connection.partner.is_some_and(|p| self.connections[p].host == other)
        })
    }

    /// The state of a connection, by number.
    #[must_use]
    pub fn connection(&self, index: usize) -> &crate::connection::Connection {
        &self.connections[index]
    }

    /// Connections that were ever made.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Changes a connection, by number.
    pub fn connection_mut(&mut self, index: usize) -> &mut crate::connection::Connection {
        &mut self.connections[index]
    }
}
