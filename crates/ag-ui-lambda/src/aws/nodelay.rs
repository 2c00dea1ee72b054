//! Sends the first frame of a run at once.
//!
//! lambda_runtime's client leaves Nagle's algorithm on (`HttpConnector::new`, lambda_runtime_api_client 1.1),
//! and it writes a response's head and first frame apart: the frame waits about 40 ms for the head's
//! acknowledgement. This sets TCP_NODELAY on the process's own connections to the Runtime API. It may go when
//! the runtime's connector does so itself.

use std::fs;
use std::net::SocketAddr;

use rustix::fd::OwnedFd;
use rustix::net::{getpeername, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The connections of this process to one address.
#[derive(Debug)]
pub(super) struct Connections {
    process: OwnedFd,
    peer: SocketAddr,
}

impl Connections {
    /// `None` where the address is not an IP address, or the kernel or the sandbox does not allow a look at
    /// the process's own descriptors: then frames are as slow as without this.
    pub(super) fn to(runtime_api: &str) -> Option<Self> {
        let address = runtime_api.strip_prefix("http://").unwrap_or(runtime_api);
        let peer = address.split('/').next()?.parse().ok()?;
        let process = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
        Some(Self { process, peer })
    }

    /// Turns Nagle's algorithm off on those that are open now.
    pub(super) fn send_at_once(&self) {
        let Ok(descriptors) = fs::read_dir("/proc/self/fd") else {
            return;
        };
        let numbers = descriptors.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for number in numbers {
            // A second descriptor of the same socket: its options are the socket's.
            let Ok(socket) = pidfd_getfd(&self.process, number, PidfdGetfdFlags::empty()) else {
                continue;
            };
            let peer = getpeername(&socket).ok().flatten();
            if peer.and_then(|peer| SocketAddr::try_from(peer).ok()) == Some(self.peer) {
                let _best_effort = sockopt::set_tcp_nodelay(&socket, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_to_the_address_are_set_and_others_are_not() {
        // Raw sockets, because the option of the socket counts and no HTTP is spoken.
        let [api, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [ours, theirs] = [&api, &other].map(|to| TcpStream::connect(to.local_addr().unwrap()).unwrap());

        Connections::to(&api.local_addr().unwrap().to_string()).unwrap().send_at_once();

        assert!(ours.nodelay().unwrap());
        assert!(!theirs.nodelay().unwrap());
    }

    #[test]
    fn the_address_may_be_written_as_a_url() {
        assert_eq!(Connections::to("http://127.0.0.1:9000/.rt/_").unwrap().peer.port(), 9000);
        assert!(Connections::to("runtime.internal:9000").is_none());
    }
}
