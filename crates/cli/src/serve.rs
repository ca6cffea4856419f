//! `meshlace serve`.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use meshlace_signal::{Server, ServerConfig, Tls, TlsError};

use crate::args::ServeOptions;
use crate::page;

/// Serves until it is told to stop.
pub(crate) fn serve(options: &ServeOptions) -> Result<(), Box<dyn Error>> {
    // Each client is a file descriptor, and the usual limit is 1,024. What the system does not
    // grant shows when the limit is reached, as clients that wait.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = ServerConfig::new(options.host, options.port, page::assets());
        if let Some(count) = options.clients_per_address {
            config.rooms.address_client_count_max = count;
        }
        config.tls = tls(options)?;
        let scheme = if config.tls.is_some() { Scheme::Https } else { Scheme::Http };
        let mut server = Server::bind(config).await?;
        // Before the address is printed: whoever reads it may stop us at once.
        let stop = Stop::new()?;
        let network = network_urls(scheme, server.address());
        announce(&mut io::stdout().lock(), scheme, server.address(), &network, options.json)?;
        server.advertise(network);
        server.run(stop.asked()).await;
        Ok(())
    })
}

/// How the page is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// A file of the command line that cannot be used.
#[derive(Debug)]
struct FileError {
    path: PathBuf,
    cause: Box<dyn Error>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.cause)
    }
}

impl Error for FileError {}

/// The certificate, if one was named.
fn tls(options: &ServeOptions) -> Result<Option<Tls>, FileError> {
    let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) else {
        return Ok(None);
    };
    let error = |path: &PathBuf, cause| FileError { path: path.clone(), cause };
    let read = |path: &PathBuf| fs::read(path).map_err(|cause| error(path, cause.into()));
    let (certificates, keys) = (read(certificate)?, read(key)?);
    Tls::from_pem(&certificates, &keys).map(Some).map_err(|cause| {
        let path = if matches!(cause, TlsError::NoKey) { key } else { certificate };
        error(path, cause.into())
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
    scheme: Scheme,
    address: SocketAddr,
    network: &[String],
    json: bool,
) -> io::Result<()> {
    let here = url(scheme, &local_name(address.ip()), address.port());
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
    if !network.is_empty() && scheme == Scheme::Http {
        writeln!(
            out,
            "  Browsers give camera and microphone to https pages and to localhost only: on a \
             phone,\n  chat and files work at the addresses above, video needs --tls-cert and \
             --tls-key."
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

fn url(scheme: Scheme, host: &str, port: u16) -> String {
    match (scheme, port) {
        (Scheme::Http, 80) => format!("http://{host}"),
        (Scheme::Http, _) => format!("http://{host}:{port}"),
        (Scheme::Https, 443) => format!("https://{host}"),
        (Scheme::Https, _) => format!("https://{host}:{port}"),
    }
}

/// Where others on the network open the page.
fn network_urls(scheme: Scheme, address: SocketAddr) -> Vec<String> {
    let ips = network_addresses(address.ip()).into_iter();
    ips.map(|ip| url(scheme, &ip.to_string(), address.port())).collect()
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
        let address = address.parse().expect("an address");
        announce(&mut out, Scheme::Http, address, &[], json).expect("written");
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
    fn encrypted_page_has_its_own_scheme_and_no_warning() {
        let mut out = Vec::new();
        let network = [String::from("https://192.0.2.7")];
        let address = "0.0.0.0:443".parse().expect("an address");
        announce(&mut out, Scheme::Https, address, &network, false).expect("written");
        let said = String::from_utf8(out).expect("text");
        assert!(said.starts_with("Meshlace is listening on https://localhost\n"), "{said}");
        assert!(said.contains("https://192.0.2.7") && !said.contains("camera"), "{said}");
    }

    #[test]
    fn json_is_one_line() {
        let line = said("127.0.0.1:9", true);
        assert_eq!(line, "{\"url\":\"http://localhost:9\",\"port\":9,\"network\":[]}\n");
    }
}
