//! Where `crawl` takes its list from: an HTTP server, standard input, several files at once, an earlier crawl.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::place::Place;

#[test]
fn a_list_comes_from_a_url() {
    let place = Place::new();
    let sim = place.sim("--nodes 30 --odd 0 --dead 0");
    let url = serve("200 OK", place.read("nodes.txt"));
    let ended = place.run(&format!("crawl {url} {} --db c.db", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.starts_with(&format!("{url}: 30 addresses\n")),
        "{ended:?}"
    );
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), 30)]);
}

#[test]
fn a_server_that_has_no_list_is_quoted() {
    let place = Place::new();
    let sim = place.sim("--nodes 1");
    let url = serve("404 Not Found", "gone".to_owned());
    let ended = place.run(&format!("crawl {url} {} --db c.db", sim.once()));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("bitcensus: ") && ended.stderr.contains("404"),
        "{ended:?}"
    );
}

#[test]
fn a_list_comes_from_standard_input() {
    let place = Place::new();
    let sim = place.sim("--nodes 30 --odd 0 --dead 0");
    let list = place.read("nodes.txt");
    let ended = place.run_with_input(&format!("crawl - {} --db c.db", sim.once()), &list);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.starts_with("standard input: 30 addresses\n"),
        "{ended:?}"
    );
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), 30)]);
}

#[test]
fn several_sources_are_one_list_without_duplicates() {
    let place = Place::new();
    let sim = place.sim("--nodes 30 --odd 0 --dead 0");
    let list = place.read("nodes.txt");
    let lines: Vec<_> = list.lines().collect();
    place.write("first.txt", lines[..20].join("\n"));
    place.write("last.txt", lines[15..25].join("\n"));
    let via = sim.once();
    let ended = place.run(&format!("crawl first.txt last.txt {via} --db c.db"));
    assert!(
        ended
            .stderr
            .starts_with("first.txt: 20 addresses\nlast.txt: 5 addresses\n"),
        "{ended:?}"
    );
    let again = place.run(&format!("crawl nodes.txt store {via} --db c.db"));
    assert!(
        again
            .stderr
            .starts_with("nodes.txt: 30 addresses\nstore: 0 addresses\n"),
        "{again:?}"
    );
    let finished = |crawl, n| (crawl, "finished".to_owned(), n);
    assert_eq!(place.crawls(), [finished(1, 25), finished(2, 30)]);
}

#[test]
fn a_plan_names_all_and_calls_nobody() {
    let place = Place::new();
    place.write(
        "nodes.txt",
        "127.0.0.1:8333\n127.0.0.1:8334\n127.0.0.2:0\n127.0.0.1\n",
    );
    let plan = place.run("crawl nodes.txt --dry-run --quiet --db c.db");
    let expected = "\
3 addresses to begin with
          2  would not be tried: loopback
          1  would not be tried: no_port
";
    assert_eq!(
        (plan.code, plan.stdout.as_str(), plan.stderr.as_str()),
        (Some(0), expected, "")
    );
    assert!(!place.path("c.db").exists(), "a plan leaves nothing behind");
}

/// Answers one request on loopback, and returns the URL to ask.
fn serve(status: &'static str, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/nodes.txt", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = BufReader::new(stream.try_clone().unwrap());
        let n_headers = asked
            .lines()
            .take_while(|it| !it.as_ref().unwrap().is_empty())
            .count();
        assert!(n_headers > 0);
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
    });
    url
}
