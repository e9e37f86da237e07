//! Lists at URLs.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url, retry};
use tokio::time::{sleep, timeout};

use super::gather::Gathered;
use super::{FetchConfig, FetchError, RedirectError, retry_after};

/// Redirections followed before giving up; browsers follow 20, and no list needs more than two.
pub(super) const MAX_REDIRECTS: usize = 5;

/// The longest to wait in all because a server asks to: what somebody at a terminal bears.
const MAX_TOTAL_WAIT: Duration = Duration::from_secs(60);

/// Who asks.
const USER_AGENT: &str = concat!("bitcensus/", env!("CARGO_PKG_VERSION"));

/// Returns what the server sends, still packed if it sends gzip.
pub(super) async fn fetch(
    url: &str,
    config: &FetchConfig,
    gathered: Gathered<'_>,
) -> Result<Vec<u8>, FetchError> {
    let url = parse_url(url)?;
    let request = Request {
        client: client(&url, config)?,
        url,
        shown: gathered.from.clone(),
        config,
    };
    match timeout(config.total_timeout, request.run(gathered)).await {
        Ok(result) => result,
        Err(_) => Err(FetchError::TooSlow {
            url: request.shown,
            total: config.total_timeout,
        }),
    }
}

fn parse_url(text: &str) -> Result<Url, FetchError> {
    let bad = |why: String| FetchError::BadUrl {
        url: text.to_owned(),
        why,
    };
    let url = Url::parse(text).map_err(|error| bad(error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(bad(format!("{other} is neither http nor https"))),
    }
}

fn client(url: &Url, config: &FetchConfig) -> Result<Client, FetchError> {
    let mut builder = Client::builder();
    if is_loopback(url) {
        // A proxy that the environment names would look on its own machine.
        builder = builder.no_proxy();
    } else if let Some(proxy) = &config.proxy {
        let url = reqwest::Proxy::all(proxy.url());
        builder = builder.proxy(url.map_err(|error| FetchError::Client(root_cause(&error)))?);
    }
    builder
        .user_agent(USER_AGENT)
        .referer(false)
        .connect_timeout(config.connect_timeout)
        .read_timeout(config.idle_timeout)
        .redirect(Policy::custom(redirect))
        .retry(retry::never())
        // Gzip is unpacked by ourselves, within the bound and whether or not it is declared.
        .gzip(false)
        .build()
        .map_err(|error| FetchError::Client(root_cause(&error)))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn redirect(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    match may_follow(attempt.previous(), attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(why) => attempt.error(why),
    }
}

/// `previous` starts with the address that was typed.
fn may_follow(previous: &[Url], next: &Url) -> Result<(), RedirectError> {
    if previous.len() > MAX_REDIRECTS {
        return Err(RedirectError::TooMany);
    }
    match previous.last() {
        Some(last) if last.scheme() == "https" && next.scheme() != "https" => {
            Err(RedirectError::Downgrade)
        }
        _ => Ok(()),
    }
}

/// One list to fetch, however often it must be asked for.
struct Request<'a> {
    client: Client,
    url: Url,
    /// The URL without a password.
    shown: String,
    config: &'a FetchConfig,
}

impl Request<'_> {
    async fn run(&self, mut gathered: Gathered<'_>) -> Result<Vec<u8>, FetchError> {
        let mut response = self.ask_patiently().await?;
        gathered.announce(response.content_length())?;
        while let Some(piece) = response.chunk().await.map_err(|it| self.explain(&it))? {
            gathered.push(&piece)?;
        }
        Ok(gathered.finish())
    }

    /// Asks again, as long as the server says when and that is soon.
    async fn ask_patiently(&self) -> Result<Response, FetchError> {
        let mut waited = Duration::ZERO;
        let mut retries_left = self.config.max_retries;
        loop {
            let response = self.ask().await?;
            let Some(wait) = asked_wait(&response) else {
                return self.check_status(response);
            };
            waited = waited.saturating_add(wait);
            if retries_left == 0 || waited > MAX_TOTAL_WAIT {
                return Err(FetchError::Throttled {
                    url: self.shown.clone(),
                    status: response.status().to_string(),
                    wait,
                });
            }
            let (url, wait_s) = (&self.shown, wait.as_secs());
            tracing::info!(url, wait_s, "{url} asks to wait {wait_s} s");
            retries_left -= 1;
            sleep(wait).await;
        }
    }

    async fn ask(&self) -> Result<Response, FetchError> {
        self.client
            .get(self.url.clone())
            .header(ACCEPT, "application/json, text/plain, */*;q=0.5")
            .header(ACCEPT_ENCODING, "gzip")
            .send()
            .await
            .map_err(|error| self.explain(&error))
    }

    fn check_status(&self, response: Response) -> Result<Response, FetchError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        Err(FetchError::Status {
            url: self.shown.clone(),
            status: status.to_string(),
            meaning: meaning(status),
        })
    }

    fn explain(&self, error: &reqwest::Error) -> FetchError {
        let url = self.shown.clone();
        if let Some(&why) = causes(error).find_map(|it| it.downcast_ref::<RedirectError>()) {
            return FetchError::Redirect { url, why };
        }
        if error.is_connect() {
            let why = root_cause(error);
            return FetchError::Connect { url, why };
        }
        if error.is_timeout() {
            let idle = self.config.idle_timeout;
            return FetchError::Stalled { url, idle };
        }
        let why = root_cause(error);
        FetchError::BrokenOff { url, why }
    }
}

/// Returns how long the server asks to wait, if it does.
fn asked_wait(response: &Response) -> Option<Duration> {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
            retry_after::parse(value, Timestamp::now())
        }
        _ => None,
    }
}

fn meaning(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => {
            "the server refuses; download the list with a browser and give the file instead"
        }
        404 | 410 => "nothing is there; check the address",
        429 => "too many requests from here; try again later, or use another source",
        500..=599 => "the server has a problem; try again later, or use another source",
        _ => "that is no list; check the address",
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |it| (*it).source())
}

/// The innermost error says what happened, those around it only where.
fn root_cause(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Source;
    use crate::sources::fetch::load;
    use crate::sources::fetch::test_server::{Answer, TestServer, gzip};

    const LIST: &str = "1.2.3.4:8333\n";

    #[tokio::test]
    async fn a_list_is_fetched_with_its_progress() {
        check(&[ok(LIST)], "/list: 13 of 13: 1.2.3.4:8333\n").await;
        check(
            &[close("HTTP/1.1 200 OK\r\n\r\n1.2.3.4:8333\n")],
            "/list: 13 of ?: 1.2.3.4:8333\n",
        )
        .await;
        check(
            &[close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n1.2.3.4:8333\n\r\n0\r\n\r\n")],
            "/list: 13 of ?: 1.2.3.4:8333\n",
        )
        .await;
    }

    #[tokio::test]
    async fn the_server_is_told_who_asks() {
        let server = TestServer::start(&[ok(LIST)]).await;
        load(&server.source("/list"), &config(), &mut |_| ())
            .await
            .unwrap();
        let head = &server.requests()[0];
        assert!(
            head.contains(&format!("user-agent: {USER_AGENT}\r\n")),
            "{head}"
        );
        assert!(head.contains("accept-encoding: gzip\r\n"), "{head}");
    }

    #[tokio::test]
    async fn gzip_is_unpacked_whether_declared_or_not() {
        let packed = gzip(LIST.as_bytes());
        let expected = "/list: 33 of 33: 1.2.3.4:8333\n";
        check(
            &[answer("200 OK", "Content-Encoding: gzip\r\n", &packed)],
            expected,
        )
        .await;
        check(&[answer("200 OK", "", &packed)], expected).await;
    }

    #[tokio::test]
    async fn redirects_are_followed_five_times() {
        let hop = |to: &str| answer("302 Found", &format!("Location: {to}\r\n"), b"");
        check(
            &[
                hop("/a"),
                hop("b"),
                hop("/c?d=1"),
                hop("/e"),
                hop("/f"),
                ok(LIST),
            ],
            "/list /a /b /c?d=1 /e /f: 13 of 13: 1.2.3.4:8333\n",
        )
        .await;
        check(
            &[
                hop("/a"),
                hop("/b"),
                hop("/c"),
                hop("/d"),
                hop("/e"),
                hop("/f"),
                ok(LIST),
            ],
            "/list /a /b /c /d /e: : URL/list is redirected more than 5 times; \
             give the final address if you trust it",
        )
        .await;
    }

    #[test]
    fn a_redirect_never_leaves_https() {
        check_redirect(&["https://a.example"], "https://b.example", Ok(()));
        check_redirect(&["http://a.example"], "https://a.example", Ok(()));
        check_redirect(&["http://a.example"], "http://b.example", Ok(()));
        check_redirect(
            &["http://a.example", "https://a.example"],
            "http://a.example",
            Err(RedirectError::Downgrade),
        );
    }

    #[tokio::test]
    async fn a_server_that_asks_to_wait_is_asked_again() {
        let wait = |value: &str| {
            answer(
                "429 Too Many Requests",
                &format!("Retry-After: {value}\r\n"),
                b"slow down",
            )
        };
        check(
            &[wait("0"), wait("Sun, 06 Nov 1994 08:49:37 GMT"), ok(LIST)],
            "/list /list /list: 13 of 13: 1.2.3.4:8333\n",
        )
        .await;
        check(
            &[
                answer("503 Service Unavailable", "Retry-After: 1\r\n", b""),
                ok(LIST),
            ],
            "/list /list: 13 of 13: 1.2.3.4:8333\n",
        )
        .await;
        check(
            &[wait("3600")],
            "/list: : URL/list answered 429 Too Many Requests: the server asks to wait 3600 s; \
             come back then, or use another source",
        )
        .await;
        check(
            &[wait("0"), wait("0"), wait("0"), ok(LIST)],
            "/list /list /list: : URL/list answered 429 Too Many Requests: the server asks to wait 0 s; \
             come back then, or use another source",
        )
        .await;
    }

    #[tokio::test]
    async fn every_other_status_is_final_and_says_what_to_do() {
        check(
            &[answer("404 Not Found", "", b"no"), ok(LIST)],
            "/list: : URL/list answered 404 Not Found: nothing is there; check the address",
        )
        .await;
        check(
            &[
                answer("403 Forbidden", "Retry-After: 0\r\n", b"no"),
                ok(LIST),
            ],
            "/list: : URL/list answered 403 Forbidden: the server refuses; \
             download the list with a browser and give the file instead",
        )
        .await;
        check(
            &[
                answer("503 Service Unavailable", "Retry-After: soon\r\n", b""),
                ok(LIST),
            ],
            "/list: : URL/list answered 503 Service Unavailable: the server has a problem; \
             try again later, or use another source",
        )
        .await;
        check(
            &[answer("429 Too Many Requests", "", b""), ok(LIST)],
            "/list: : URL/list answered 429 Too Many Requests: too many requests from here; \
             try again later, or use another source",
        )
        .await;
        check(
            &[answer("304 Not Modified", "", b""), ok(LIST)],
            "/list: : URL/list answered 304 Not Modified: that is no list; check the address",
        )
        .await;
    }

    #[tokio::test]
    async fn too_large_is_too_large_announced_or_not() {
        let too_large = |seen: &str| {
            format!("/list: {seen}: URL/list has more than 100 bytes; is it a node list?")
        };
        check(&[ok(&"x".repeat(101))], &too_large("")).await;
        check(
            &[stall(
                "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            )],
            &too_large(""),
        )
        .await;
        check(
            &[close(&format!(
                "HTTP/1.1 200 OK\r\n\r\n{}",
                "x".repeat(50_000)
            ))],
            &too_large(""),
        )
        .await;
    }

    #[tokio::test]
    async fn a_server_that_stalls_is_given_up() {
        let config = FetchConfig {
            idle_timeout: Duration::from_millis(300),
            ..config()
        };
        let stalled = "URL/list sent nothing for 300ms; try again later";
        check_with(
            &config,
            &[Answer::Stall(Vec::new())],
            &format!("/list: : {stalled}"),
        )
        .await;
        check_with(
            &config,
            &[stall(
                "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1.2.3.4\n",
            )],
            &format!("/list: 8 of 50: {stalled}"),
        )
        .await;
    }

    #[tokio::test]
    async fn a_server_that_is_too_slow_in_all_is_given_up() {
        let config = FetchConfig {
            total_timeout: Duration::from_millis(300),
            ..config()
        };
        check_with(
            &config,
            &[stall("HTTP/1.1 200 OK\r\n\r\n1.2.3.4\n")],
            "/list: 8 of ?: URL/list took longer than 300ms; \
             try again later, or download it by other means and give the file",
        )
        .await;
    }

    #[tokio::test]
    async fn a_body_that_is_cut_is_no_list() {
        check(
            &[close("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n1.2.3.4\n")],
            "/list: 8 of 50: URL/list broke off: end of file before message length reached; try again",
        )
        .await;
        check(
            &[close("")],
            "/list: : URL/list broke off: connection closed before message completed; try again",
        )
        .await;
    }

    #[tokio::test]
    async fn an_address_where_nobody_listens_says_so() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        check_url(
            &url,
            &format!(
                "cannot connect to {url}: Connection refused (os error 111); \
                 check the address and this machine's network"
            ),
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_no_url_says_so() {
        check_url("http://", "\"http://\" cannot be fetched: empty host").await;
        check_url(
            "ftp://example.org/list",
            "\"ftp://example.org/list\" cannot be fetched: ftp is neither http nor https",
        )
        .await;
        check_url(
            "http://example.org:99999/",
            "\"http://example.org:99999/\" cannot be fetched: invalid port number",
        )
        .await;
    }

    fn config() -> FetchConfig {
        FetchConfig {
            max_bytes: 100,
            max_retries: 2,
            ..FetchConfig::default()
        }
    }

    fn ok(body: &str) -> Answer {
        answer("200 OK", "", body.as_bytes())
    }

    fn answer(status: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n");
        Answer::Close([head.as_bytes(), body].concat())
    }

    fn close(text: &str) -> Answer {
        Answer::Close(text.as_bytes().to_vec())
    }

    fn stall(text: &str) -> Answer {
        Answer::Stall(text.as_bytes().to_vec())
    }

    #[track_caller]
    fn check_redirect(previous: &[&str], next: &str, expected: Result<(), RedirectError>) {
        let url = |text: &str| Url::parse(text).unwrap();
        let previous: Vec<_> = previous.iter().map(|it| url(it)).collect();
        assert_eq!(may_follow(&previous, &url(next)), expected);
    }

    async fn check_url(url: &str, expected: &str) {
        let source = Source::Url(url.to_owned());
        let error = load(&source, &config(), &mut |_| ()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    async fn check(answers: &[Answer], expected: &str) {
        check_with(&config(), answers, expected).await;
    }

    /// Compares what was asked for, what was told on the way, and what came of it.
    async fn check_with(config: &FetchConfig, answers: &[Answer], expected: &str) {
        let server = TestServer::start(answers).await;
        let mut progress = Vec::new();
        let loaded = load(&server.source("/list"), config, &mut |it| {
            let total = it.total.map_or("?".to_owned(), |it| it.to_string());
            progress.push(format!("{} of {total}", it.received));
        })
        .await;
        let paths: Vec<_> = server
            .requests()
            .iter()
            .map(|it| it.split(' ').nth(1).unwrap().to_owned())
            .collect();
        let came = match loaded {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.to_string().replace(&server.url(), "URL"),
        };
        let seen = format!("{}: {}: {came}", paths.join(" "), progress.join(", "));
        assert_eq!(seen, expected);
    }
}
