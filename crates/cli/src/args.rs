//! What was typed.

use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Connects browsers directly to one another
#[derive(Debug, Parser)]
#[command(
    name = "meshlace",
    version,
    after_help = "Exit codes:\n  0  stopped as asked\n  1  could not serve; the reason is on \
                  standard error\n  2  the command line cannot be read"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve signalling, STUN and the demo page
    Serve(ServeOptions),
}

/// Options of `meshlace serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// Address to listen on; :: is every one, 127.0.0.1 keeps others out
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V6(Ipv6Addr::UNSPECIFIED))]
    pub(crate) host: IpAddr,
    /// Port to listen on, TCP for the page and signalling, UDP for STUN; 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 4242)]
    pub(crate) port: u16,
    /// Most clients from one address; this machine's own, and so a proxy on it, have no limit
    #[arg(long, value_name = "N")]
    pub(crate) clients_per_address: Option<u32>,
    /// Certificate chain in PEM form: the page and the socket are served over HTTPS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM form
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Print one line of JSON once it listens, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn serves_on_every_address_unless_told_otherwise() {
        let Command::Serve(options) = Args::parse_from(["meshlace", "serve"]).command;
        assert_eq!((options.host.to_string().as_str(), options.port), ("::", 4242));
    }
}
