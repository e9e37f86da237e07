//! Bringing the bytes of a node list, from a file, a URL or standard input.
//!
//! Every source is bounded by [`FetchConfig`] while it is read, and what is gzip is unpacked within the same bound.

mod gather;
mod gunzip;
mod http;
mod reader;
mod retry_after;
#[cfg(test)]
mod test_server;

use std::io;
use std::time::Duration;

use reqwest::Url;

use super::Source;
use crate::dial::socks5::Proxy;
use gather::Gathered;

/// How a source is read: how much and how long it may take, and by which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchConfig {
    /// The most bytes, as sent and once more as unpacked.
    pub max_bytes: u64,
    /// The longest that connecting to a server may take.
    pub connect_timeout: Duration,
    /// The longest that a server may send nothing.
    pub idle_timeout: Duration,
    /// The longest that a URL may take in all, waiting at the server's request included.
    pub total_timeout: Duration,
    /// How often to ask again after a server has named a time to wait.
    pub max_retries: u32,
    /// The SOCKS5 proxy through which URLs are fetched, names resolved there too.
    pub proxy: Option<Proxy>,
}

impl Default for FetchConfig {
    fn default() -> FetchConfig {
        FetchConfig {
            // A million rows of bitnodes' export have 192 MB.
            max_bytes: 256 << 20,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(600),
            max_retries: 3,
            proxy: None,
        }
    }
}

/// How far a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that have come, as sent.
    pub received: u64,
    /// Bytes that there will be, where the source says so.
    pub total: Option<u64>,
}

/// Is told how far a source is read, after every piece.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Why a source brought nothing; each text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The DNS seeds and the store are no lists; ask them for addresses instead.
    #[error("{0} is no list of bytes to load")]
    NoList(Source),
    /// A file or standard input that cannot be read.
    #[error("cannot read {from}: {why}{}", hint(.why))]
    Read {
        /// The path, or standard input.
        from: String,
        /// What the operating system says.
        why: io::Error,
    },
    /// A text that is no URL of a web server.
    #[error("{url:?} cannot be fetched: {why}")]
    BadUrl {
        /// As typed.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// This machine's own HTTP client does not start.
    #[error("cannot set up an http client on this machine: {0}")]
    Client(String),
    /// No connection to the server.
    #[error("cannot connect to {url}: {why}; check the address and this machine's network")]
    Connect {
        /// What was asked for.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// A redirection that is not followed.
    #[error("{url} is redirected {why}; give the final address if you trust it")]
    Redirect {
        /// What was asked for.
        url: String,
        /// Why not.
        why: RedirectError,
    },
    /// Any other answer than the list.
    #[error("{url} answered {status}: {meaning}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status code and its name.
        status: String,
        /// What that means, and what to do.
        meaning: &'static str,
    },
    /// The server asks for more patience than there is.
    #[error("{url} answered {status}: the server asks to wait {} s; come back then, or use another source", .wait.as_secs())]
    Throttled {
        /// What was asked for.
        url: String,
        /// The status code and its name.
        status: String,
        /// How long the server asks to wait.
        wait: Duration,
    },
    /// The server sent nothing for too long.
    #[error("{url} sent nothing for {idle:?}; try again later")]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long it was waited for.
        idle: Duration,
    },
    /// The server was too slow in all.
    #[error(
        "{url} took longer than {total:?}; try again later, or download it by other means and give the file"
    )]
    TooSlow {
        /// What was asked for.
        url: String,
        /// How long it was waited for.
        total: Duration,
    },
    /// The connection broke before the end.
    #[error("{url} broke off: {why}; try again")]
    BrokenOff {
        /// What was asked for.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// More bytes than allowed.
    #[error("{from} has more than {max_bytes} bytes; is it a node list?")]
    TooLarge {
        /// The source.
        from: String,
        /// The bound.
        max_bytes: u64,
    },
    /// Gzip that cannot be unpacked.
    #[error("{from} is damaged gzip: {why}; fetch it again")]
    Gzip {
        /// The source.
        from: String,
        /// What is wrong with it.
        why: io::Error,
    },
}

/// Why a redirection is not followed.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RedirectError {
    /// The chain is too long.
    #[error("more than {} times", http::MAX_REDIRECTS)]
    TooMany,
    /// From a secured address to one that is not.
    #[error("from https to http, where anybody on the way could change the list")]
    Downgrade,
}

fn hint(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::NotFound => "; a source is `dns`, `-`, a file or a URL",
        _ => "",
    }
}

/// Returns the whole of `source`, unpacked where it is gzip.
pub async fn load(
    source: &Source,
    config: &FetchConfig,
    on_progress: OnProgress<'_>,
) -> Result<Vec<u8>, FetchError> {
    let gathered = Gathered::new(source, config.max_bytes, on_progress);
    let bytes = match source {
        Source::Dns | Source::Store => return Err(FetchError::NoList(source.clone())),
        Source::Stdin => reader::read_all(io::stdin(), gathered).await?,
        Source::File(path) => reader::read_file(path, gathered).await?,
        Source::Url(url) => http::fetch(url, config, gathered).await?,
    };
    gunzip::unpack(bytes, config.max_bytes, source).await
}

/// Returns `url` without user name and password, fit for logs and errors.
pub(super) fn without_password(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            // Both fail only for addresses that cannot hold a password.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        Err(_) => url.to_owned(),
    }
}
