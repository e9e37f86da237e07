//! What `crawl` and its fellows say about input that is of no use.

use super::place::Place;

const FORMS: &str = "expected bitnodes' JSON (an API answer, an export or a crawl dump), a dump of a seeder, \
                     CSV or ndjson of a crawler that is known, a JSON array of addresses, or plain text with one address \
                     a line";
const NO_ADDRESS: &str = "it is no IPv4, IPv6, CJDNS, .onion or .b32.i2p address";

#[test]
fn a_list_of_no_use_is_said_to_be_one() {
    let place = Place::new();
    let sim = place.sim("--nodes 1");
    let check = |list: &str, expected: &str| {
        let ended = place.run(&format!("crawl {list} {} --db c.db", sim.once()));
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr),
            (Some(1), "", format!("bitcensus: {expected}\n")),
            "{list}"
        );
    };
    check(
        "nofile",
        "cannot read nofile: No such file or directory (os error 2); a source is `dns`, `-`, a file or a URL",
    );
    place.write("empty", " \n");
    check("empty", &format!("empty: the list is empty: {FORMS}"));
    place.write(
        "cut.json",
        "{\"nodes\": {\n\"1.2.3.4:8333\": [70016, \"/x/\", 1, 1, 1],\n\"1.2.3.5:83",
    );
    check(
        "cut.json",
        "cut.json: malformed JSON at line 3, column 11, after 1 nodes: EOF while parsing a string; none of them is used",
    );
    place.write("junk", "hello\n\u{1b}[31mworld\n");
    check(
        "junk",
        &format!("junk: no node found in 2 entries (line 1, `hello`: {NO_ADDRESS}): {FORMS}"),
    );
}

#[test]
fn unreadable_lines_are_shown_by_their_numbers_and_the_rest_is_crawled() {
    let place = Place::new();
    let sim = place.sim("--nodes 20 --odd 0 --dead 0");
    let list = place.read("nodes.txt");
    place.write(
        "some.txt",
        format!("what is this\n{list}1.2.3.4:99999\n# a remark\n\u{1b}[31m\n"),
    );
    let ended = place.run(&format!("crawl some.txt {} --db c.db", sim.once()));
    let shown = format!(
        "some.txt: 3 entries cannot be read:
  line 1: what is this: {NO_ADDRESS}
  line 22: 1.2.3.4:99999: its port is no number from 0 to 65535
  line 24: \\u{{1b}}[31m: {NO_ADDRESS}
some.txt: 20 addresses
"
    );
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.starts_with(&shown), "{}", ended.stderr);
    assert_eq!(place.crawls(), [(1, "finished".to_owned(), 20)]);
}

#[test]
fn a_store_that_is_none_is_left_alone() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    place.write("text.db", "notes\n");
    std::fs::create_dir(place.path("dir.db")).unwrap();
    let check = |words: &str, expected: &str| check(&place, words, expected);
    for db in ["text.db", "dir.db"] {
        let expected = format!("{db} is no census: it is not an SQLite database");
        check(&format!("crawl here.txt --quiet --db {db}"), &expected);
        check(&format!("crawls --db {db}"), &expected);
        check(&format!("export bitnodes --db {db}"), &expected);
    }
    check(
        "crawl here.txt --quiet --db here.txt/c.db",
        "here.txt: File exists (os error 17)",
    );
    check(
        "report --db none.db",
        "there is no census at none.db: a crawl makes one, and --db says where it is",
    );
    assert_eq!(place.read("text.db"), "notes\n");
}

#[test]
#[cfg(target_os = "linux")]
fn a_place_where_nobody_may_write_is_said_to_be_one() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    check(
        &place,
        "crawl here.txt --quiet --db /sys/bitcensus.db",
        "/sys/bitcensus.db.lock cannot be written; change its permissions and those of its directory, or give another --db",
    );
}

#[test]
fn a_proxy_that_is_none_or_not_there_is_not_gone_around() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    let expected = "expected socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT";
    for bad in [
        "http://127.0.0.1:1",
        "127.0.0.1",
        "socks5://127.0.0.1:99999",
    ] {
        check(
            &place,
            &format!("crawl here.txt --allow-private --db c.db --proxy {bad}"),
            &format!("--proxy: \"{bad}\" is no proxy: {expected}"),
        );
    }
    check(
        &place,
        "crawl here.txt --allow-private --db c.db --proxy socks5://127.0.0.1:1",
        "nothing was called: the proxy 127.0.0.1:1 cannot be reached: Connection refused (os error 111)",
    );
}

#[test]
fn a_way_that_is_none_is_said_to_be() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    check(
        &place,
        "crawl here.txt --allow-private --db c.db --tor http://127.0.0.1:1",
        "--tor: \"http://127.0.0.1:1\" is no proxy: expected socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT",
    );
    check(
        &place,
        "crawl here.txt --allow-private --db c.db --i2p 127.0.0.1:sam",
        "--i2p: \"127.0.0.1:sam\" is no SAM bridge: expected HOST:PORT, as 127.0.0.1:7656",
    );
    let refused = "cannot be reached: Connection refused (os error 111)";
    check(
        &place,
        "crawl here.txt --allow-private --db c.db --proxy 127.0.0.1:1 --tor 127.0.0.1:2 --i2p 127.0.0.1:3",
        &format!(
            "nothing was called: the proxy 127.0.0.1:1 {refused}; the proxy 127.0.0.1:2 {refused}; \
             the I2P router 127.0.0.1:3 {refused}; the proxy 127.0.0.1:1 {refused}"
        ),
    );
}

#[test]
fn a_wrong_line_of_an_opt_out_list_is_named() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    place.write(
        "list.txt",
        "# those of a laboratory\n10.0.0.0/8\n10.0.0.0/99\n",
    );
    let crawl = |list: &str| format!("crawl here.txt --allow-private --db c.db --opt-out {list}");
    check(
        &place,
        &crawl("list.txt"),
        "--opt-out list.txt: line 3: \"10.0.0.0/99\" is no address and no prefix: expected a number from 0 to 32 behind the /",
    );
    check(
        &place,
        &crawl("gone.txt"),
        "--opt-out gone.txt: No such file or directory (os error 2)",
    );
}

#[test]
fn a_crawl_that_is_not_there_is_said_not_to_be() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    place.run("crawl here.txt --db c.db");
    for command in ["report", "export ndjson", "export bitnodes"] {
        check(
            &place,
            &format!("{command} --db c.db --crawl 7"),
            "there is no crawl 7",
        );
        check(
            &place,
            &format!("{command} --db c.db --network signet"),
            "c.db has no crawl of signet; `bitcensus crawls` lists what it has, --network chooses another chain",
        );
    }
}

#[test]
fn two_crawls_do_not_write_to_one_store() {
    let place = Place::new();
    let sim = place.sim("--nodes 50 --odd 0 --dead 1");
    let mut first = place.start(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    first.wait_for("in flight");
    let holder = first.child.id();
    check(
        &place,
        &format!("crawl nodes.txt {} --quiet --db c.db", sim.once()),
        &format!(
            "another crawl is writing to c.db (process {holder}); wait for it, or give this one its own --db"
        ),
    );
    assert_eq!(first.end().code, Some(3), "nobody is there");
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let place = Place::new();
    place.write("here.txt", "127.0.0.1:1\n");
    for words in [
        "",
        "census",
        "hello",
        "export xls",
        "import",
        "import here.txt --at soon",
        "report --crawl last",
        "crawl here.txt --max-in-flight 0",
        "crawl here.txt --max-rate -1",
        "crawl here.txt --connect-timeout soon",
        "crawl here.txt --network litecoin",
        "sim --odd 2",
    ] {
        let ended = place.run(words);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{words}"
        );
        assert!(
            ended.stderr.contains("Usage: ") || ended.stderr.contains("--help"),
            "{ended:?}"
        );
    }
}

#[track_caller]
fn check(place: &Place, words: &str, expected: &str) {
    let ended = place.run(words);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr),
        (Some(1), "", format!("bitcensus: {expected}\n")),
        "{words}"
    );
}
