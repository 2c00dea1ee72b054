//! Sends the first frame of a run without a delay, by turning off Nagle's algorithm on connections to the Runtime API.
//!
//! lambda_runtime's client leaves the algorithm on (`HttpConnector::new`, lambda_runtime_api_client 1.1) and writes the head
//! of a response and its first frame separately, so the frame waits about 40 ms for the acknowledgement of the head. The
//! client gives no access to its sockets, so this module finds them among the descriptors of the process. It may go when
//! the client sets TCP_NODELAY itself.

use std::fs;
use std::net::SocketAddr;

use rustix::fd::OwnedFd;
use rustix::net::{getpeername, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// The sockets of this process that are connected to the Runtime API.
#[derive(Debug)]
pub(super) struct RuntimeApiSockets {
    /// A descriptor of this process, through which its other descriptors are duplicated.
    process: OwnedFd,
    /// The address of the Runtime API.
    peer: SocketAddr,
}

impl RuntimeApiSockets {
    /// Selects the sockets that are connected to the Runtime API at this address, which is `host:port` or a URL.
    ///
    /// `None` if the host is not an IP address, or if the kernel or a sandbox does not let the process read its own
    /// descriptors. The first frame of a run then waits, as it would without this module.
    pub(super) fn connected_to(runtime_api: &str) -> Option<Self> {
        let address = runtime_api.strip_prefix("http://").unwrap_or(runtime_api);
        let peer = address.split('/').next()?.parse().ok()?;
        let process = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
        Some(Self { process, peer })
    }

    /// Turns Nagle's algorithm off on all selected sockets that are open at the moment. It is called at each event,
    /// because the runtime may have opened new connections. Errors are ignored.
    pub(super) fn disable_nagle(&self) {
        let Ok(descriptors) = fs::read_dir("/proc/self/fd") else {
            return;
        };
        let numbers = descriptors.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for number in numbers {
            // This is a second descriptor of the same socket, and options belong to the socket.
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
    fn only_sockets_of_the_address_are_changed() {
        // Plain sockets are enough, because only their option is tested.
        let [api, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [ours, theirs] = [&api, &other].map(|to| TcpStream::connect(to.local_addr().unwrap()).unwrap());

        RuntimeApiSockets::connected_to(&api.local_addr().unwrap().to_string()).unwrap().disable_nagle();

        assert!(ours.nodelay().unwrap());
        assert!(!theirs.nodelay().unwrap());
    }

    #[test]
    fn address_may_be_a_url() {
        assert_eq!(RuntimeApiSockets::connected_to("http://127.0.0.1:9000/.rt/_").unwrap().peer.port(), 9000);
        assert!(RuntimeApiSockets::connected_to("runtime.internal:9000").is_none());
    }
}
