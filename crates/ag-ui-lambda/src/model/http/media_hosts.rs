//! Which addresses of images and documents are sent to a provider, which then downloads them.
//!
//! The addresses come from clients. A provider on the internet can only reach public hosts with them, but a model server in a
//! private network would fetch what a browser must not reach: other servers of that network, or the credentials that many
//! platforms offer at a link-local address. Nothing is resolved here: a public name whose DNS entry is a private address is
//! not recognised, so a model server in a private network needs a list of names.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use reqwest::Url;

/// The hosts whose addresses of images and documents are sent to a provider.
///
/// A list of names is parsed from text. Each entry, separated by commas, is one of these:
///
/// - `public`: every public host of the web. These are public IP addresses, and names with a dot that do not end like the
///   names of private networks, such as `.local` or `.internal`.
/// - a host, such as `images.example.com`, and no subdomain of it. It may be a private name or address.
/// - `*.` and a host, such as `*.example.com`: every subdomain of it, but not the host itself.
///
/// `deny` alone allows no host.
///
/// ```
/// use ag_ui_lambda::model::{Credentials, HttpModel, MediaHosts, Provider};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let openai = Provider::named("openai").ok_or("there is no such adapter")?;
/// let hosts: MediaHosts = "cdn.example.com, *.images.example.com".parse()?;
/// let model = HttpModel::new(openai, "my-model", Credentials::None)
///     .base_url("https://models.example.com/v1")?
///     .media_hosts(hosts);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaHosts {
    /// Whether every public host is allowed.
    public: bool,
    /// The hosts that are allowed by name.
    named: Vec<NamedHosts>,
}

/// An entry of the list that names a host.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamedHosts {
    /// This host alone.
    Host(String),
    /// The hosts that end in this text, which begins with a dot.
    Subdomains(String),
}

/// The error for a list of hosts with an entry that is neither a host nor a word that has a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the list must be `deny`, or hosts separated by commas: `public`, a host such as cdn.example.com, or *.example.com for \
     its subdomains"
)]
#[non_exhaustive]
pub struct MediaHostsError;

impl MediaHosts {
    /// Allows every public host of the web, and no other.
    pub fn public() -> Self {
        Self { public: true, named: Vec::new() }
    }

    /// Allows no host: content is sent inline or not at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns whether the address of `url` may be sent to a provider.
    pub(super) fn allows(&self, url: &Url) -> bool {
        let Some(host) = url.host_str().map(without_final_dot) else { return false };
        let is_named = |entry: &NamedHosts| match entry {
            NamedHosts::Host(name) => host == name,
            NamedHosts::Subdomains(end) => host.len() > end.len() && host.ends_with(end.as_str()),
        };
        self.named.iter().any(is_named) || (self.public && is_public(host))
    }
}

impl FromStr for MediaHosts {
    type Err = MediaHostsError;

    /// Parses a list as [`MediaHosts`] describes it.
    ///
    /// # Errors
    /// [`MediaHostsError`] for an empty entry, for one that is not a host, and for `deny` beside another entry.
    fn from_str(list: &str) -> Result<Self, MediaHostsError> {
        if list.trim() == "deny" {
            return Ok(Self::none());
        }
        let mut hosts = Self::none();
        for entry in list.split(',').map(str::trim) {
            match (entry, entry.strip_prefix("*.")) {
                ("public", _) => hosts.public = true,
                ("deny", _) => return Err(MediaHostsError),
                (_, Some(host)) => {
                    hosts.named.push(NamedHosts::Subdomains(format!(".{}", parse_host(host)?)));
                }
                (host, None) => hosts.named.push(NamedHosts::Host(parse_host(host)?)),
            }
        }
        Ok(hosts)
    }
}

/// Returns a host in the form that it has in a parsed URL: in lower case, with an international name in ASCII, and an IP
/// address in its usual form.
///
/// # Errors
/// [`MediaHostsError`] if the text is not a host alone: it is empty, or has a port, a path or a wildcard.
fn parse_host(text: &str) -> Result<String, MediaHostsError> {
    let is_host = |c: char| c.is_alphanumeric() || "-._[]:".contains(c);
    let is_bare = text.chars().all(is_host) && (text.starts_with('[') || !text.contains(':'));
    let url = Url::parse(&format!("http://{text}/")).ok().filter(|url| is_bare && url.port().is_none());
    let host = url.as_ref().and_then(Url::host_str).ok_or(MediaHostsError)?;
    Ok(without_final_dot(host).to_owned())
}

/// Returns a host without the dot that may end a complete name in DNS.
fn without_final_dot(host: &str) -> &str {
    host.trim_end_matches('.')
}

/// Returns whether a host, as a parsed URL has it, is a public host of the web.
///
/// A parsed URL has every form of an IPv4 address, such as `0x7f.1`, as four decimal numbers, and an IPv6 address in brackets.
fn is_public(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse().is_ok_and(is_public_v6);
    }
    match host.parse() {
        Ok(address) => is_public_v4(address),
        Err(_) => is_public_name(host),
    }
}

/// The ends of names that only a private network resolves, or only the machine itself. Some are reserved for this, and others
/// are in wide use.
const PRIVATE_NAMES: [&str; 17] = [
    "alt",
    "arpa",
    "consul",
    "corp",
    "home",
    "internal",
    "intra",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
    "test",
];

/// Returns whether a name can be one of a public host: it has a dot, and does not end like the names of private networks. A
/// name without a dot is completed by the search list of the network.
fn is_public_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| !PRIVATE_NAMES.contains(&end))
}

/// The networks of IPv4 that are not public, each with the number of its leading bits that count. Source: the special-purpose
/// address registry of IANA, and multicast.
const PRIVATE_V4: [(Ipv4Addr, u32); 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Networks of internet providers; some platforms have services for their own machines there.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // A public address that leads to the host of a virtual machine on one platform.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Returns whether an IPv4 address is public.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in =
        |(network, bits): &(Ipv4Addr, u32)| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0;
    !PRIVATE_V4.iter().any(is_in)
}

/// Returns whether an IPv6 address is public. Addresses that stand for one of IPv4 are not, whichever it is: mapped,
/// compatible, translated (NAT64), and tunnelled (6to4, Teredo).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let is_special = match first {
        // Protocols, Teredo among them, and documentation.
        0x2001 => second < 0x0200 || second == 0x0db8,
        0x2002 => true,
        0x3fff => second < 0x1000,
        _ => false,
    };
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether the address may be sent with this list of hosts.
    fn allows(hosts: &str, url: &str) -> bool {
        hosts.parse::<MediaHosts>().unwrap().allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn public_hosts_are_those_of_the_web() {
        for host in [
            "example.com",
            "cdn.example.com:8443",
            "example.com.",
            "xn--mnchen-3ya.example",
            "münchen.example",
            "8.8.8.8",
            "0x08080808",
            "134744072",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "192.167.1.1",
            "223.255.255.255",
            "[2606:4700:4700::1111]",
            "[2a00:1450:4001:830::200e]",
            "[2001:4860:4860::8888]",
            "local.example.com",
            "internal.example.com",
            "localhost.example.com",
        ] {
            assert!(allows("public", &format!("https://{host}/a.png")), "{host}");
        }
    }

    #[test]
    fn private_hosts_are_refused_in_every_form() {
        for host in [
            // Loopback and the unspecified address, in every form of an IPv4 address.
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "127.0.1",
            "127.255.255.254",
            "0x7f.1",
            "0x7f000001",
            "0x7F.0x0.0x0.0x1",
            "2130706433",
            "017700000001",
            "0177.0.0.01",
            "１２７。0.0.1",
            "0",
            "0.0.0.0",
            "0.1.2.3",
            // Private, link-local, shared and special networks.
            "10.0.0.5",
            "10.255.255.255",
            "167772165",
            "172.16.0.1",
            "172.31.255.255",
            "0xac100001",
            "192.168.0.1",
            "192.168.257",
            "169.254.169.254",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "2852039166",
            "169.254.170.2",
            "100.100.100.200",
            "100.64.0.1",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "255.255.255.255",
            // IPv6: loopback, unspecified, unique local, link-local, site-local, multicast, documentation.
            "[::1]",
            "[::]",
            "[0:0:0:0:0:0:0:1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[febf::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[100::1]",
            // IPv6 with an address of IPv4: mapped, compatible, translated, tunnelled.
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0:10.0.0.5]",
            "[::127.0.0.1]",
            "[::7f00:1]",
            "[64:ff9b::10.0.0.5]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::a00:5]",
            "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]",
            "[2001:0:7f00:1::1]",
            // Names of the machine itself and of private networks.
            "localhost",
            "LOCALHOST",
            "localhost.",
            "localhost..",
            "db.localhost",
            "redis",
            "vllm",
            "internal",
            "printer.local",
            "printer.local.",
            "PRINTER.Local",
            "api.internal",
            "metadata.google.internal",
            "ip-10-0-0-5.ec2.internal",
            "redis.default.svc",
            "redis.default.svc.cluster.local",
            "host.lan",
            "router.home.arpa",
            "wiki.corp",
            "host.localdomain",
            "host.intranet",
            "host.private",
            "host.test",
            "x.onion",
        ] {
            // Some forms are no address of a URL at all, so that they are not sent either.
            let is_allowed = Url::parse(&format!("http://{host}/latest/meta-data"))
                .is_ok_and(|url| MediaHosts::public().allows(&url));
            assert!(!is_allowed, "{host}");
        }
    }

    #[test]
    fn named_hosts_are_allowed_and_no_others() {
        for (hosts, url, expected) in [
            ("cdn.example.com", "https://cdn.example.com/a", true),
            ("CDN.example.com.", "https://cdn.EXAMPLE.com./a", true),
            ("cdn.example.com", "https://example.com/a", false),
            ("cdn.example.com", "https://a.cdn.example.com/a", false),
            ("cdn.example.com", "https://cdn.example.com.evil.example/a", false),
            ("*.example.com", "https://a.b.example.com/a", true),
            ("*.example.com", "https://example.com/a", false),
            ("*.example.com", "https://evilexample.com/a", false),
            ("example.com, *.example.com", "https://example.com/a", true),
            ("münchen.example", "https://xn--mnchen-3ya.example/a", true),
            ("minio", "http://minio:9000/a", true),
            ("minio", "http://10.0.0.5/a", false),
            ("10.0.0.5", "http://0x0a000005/a", true),
            ("[fd00::1]", "http://[fd00:0::1]:9000/a", true),
            ("minio", "https://example.com/a", false),
            ("public,minio", "https://example.com/a", true),
            ("public,minio", "http://minio/a", true),
            ("public,minio", "http://redis/a", false),
            ("deny", "https://example.com/a", false),
        ] {
            assert_eq!(allows(hosts, url), expected, "{hosts} {url}");
        }
    }

    #[test]
    fn entries_that_are_no_hosts_are_refused() {
        for list in [
            "",
            ",",
            "a.example,",
            "*",
            "*.",
            "a.*.example",
            "https://a.example",
            "a.example/images",
            "a.example:8080",
            "[::1]:8080",
            "user@a.example",
            "a b.example",
            "deny,a.example",
            "fd00::1",
        ] {
            assert_eq!(list.parse::<MediaHosts>(), Err(MediaHostsError), "{list}");
        }
    }
}
