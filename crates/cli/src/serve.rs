//! `meshlace serve`.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use meshlace_signal::{Server, ServerConfig};

use crate::args::ServeOptions;
use crate::page;

/// Serves until it is told to stop.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    // Each client is a file descriptor, and the usual limit is 1,024. What the system does not
    // grant shows when the limit is reached, as clients that wait.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = ServerConfig::new(options.host, options.port, page::assets());
        if let Some(count) = options.clients_per_address {
            config.rooms.address_client_count_max = count;
        }
        let mut server = Server::bind(config).await?;
        // Before the address is printed: whoever reads it may stop us at once.
        let stop = Stop::new()?;
        let network = network_urls(server.address());
        announce(&mut io::stdout().lock(), server.address(), &network, options.json)?;
        server.advertise(network);
        server.run(stop.asked()).await;
        Ok(())
    })
}

/// The wish that we stop.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn asked(mut self) {
        use std::future::poll_fn;
        use std::task::Poll;
        poll_fn(|context| {
            let interrupted = self.interrupt.poll_recv(context).is_ready();
            let terminated = self.terminate.poll_recv(context).is_ready();
            if interrupted || terminated { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn asked(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn announce(
    out: &mut impl Write,
    address: SocketAddr,
    network: &[String],
    json: bool,
) -> io::Result<()> {
    let here = url(local_name(address.ip()), address.port());
    if json {
        let quoted: Vec<String> = network.iter().map(|url| format!("\"{url}\"")).collect();
        let (port, network) = (address.port(), quoted.join(","));
        writeln!(out, "{{\"url\":\"{here}\",\"port\":{port},\"network\":[{network}]}}")?;
        return out.flush();
    }
    writeln!(out, "Meshlace is listening on {here}")?;
    for url in network {
        writeln!(out, "  from your network: {url}")?;
    }
    if !network.is_empty() {
        writeln!(
            out,
            "  Browsers give camera and microphone to https pages and to localhost only: on a \
             phone,\n  chat and files work at the addresses above, video needs HTTPS in front."
        )?;
    }
    if !page::has_demo() {
        writeln!(out, "  The demo page is not in this build; `cargo xtask build` puts it there.")?;
    }
    writeln!(out, "  Stop with Ctrl-C.")?;
    out.flush()
}

/// `localhost` where that reaches us: pages there may use the camera.
fn local_name(ip: IpAddr) -> String {
    match ip {
        _ if ip.is_unspecified() || ip == IpAddr::V4(Ipv4Addr::LOCALHOST) => {
            String::from("localhost")
        }
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn url(host: String, port: u16) -> String {
    if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") }
}

/// Where others on the network open the page.
fn network_urls(address: SocketAddr) -> Vec<String> {
    let ips = network_addresses(address.ip()).into_iter();
    ips.map(|ip| url(ip.to_string(), address.port())).collect()
}

/// The IPv4 addresses at which others on the network reach us. IPv6 addresses are left out: those
/// that work across a network change too often to be written down.
fn network_addresses(listening: IpAddr) -> Vec<IpAddr> {
    if !listening.is_unspecified() {
        return Vec::new();
    }
    let mut addresses: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| matches!(ip, IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_link_local()))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(address: &str, json: bool) -> String {
        let mut out = Vec::new();
        announce(&mut out, address.parse().expect("an address"), &[], json).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn first_line_names_the_page() {
        assert!(
            said("0.0.0.0:4242", false)
                .starts_with("Meshlace is listening on http://localhost:4242\n")
        );
        assert!(
            said("127.0.0.1:80", false).starts_with("Meshlace is listening on http://localhost\n")
        );
        assert!(
            said("[::1]:4242", false).starts_with("Meshlace is listening on http://[::1]:4242\n")
        );
    }

    #[test]
    fn json_is_one_line() {
        let line = said("127.0.0.1:9", true);
        assert_eq!(line, "{\"url\":\"http://localhost:9\",\"port\":9,\"network\":[]}\n");
    }
}
