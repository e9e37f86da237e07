//! `plot`.

use super::place::Place;
use plot::PictureName;

#[test]
fn pictures_are_listed_and_drawn_by_their_names() {
    let place = Place::new();
    crawled(&place, "--nodes 60 --dead 0.1 --odd 0.2");
    let listed = place.run("plot --db c.db");
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|it| it.split(' ').next())
        .collect();
    let known: Vec<&str> = PictureName::ALL.iter().map(|it| it.code()).collect();
    assert_eq!(names, known);

    check(&place, "plot user-agents", &["user-agents.svg"]);
    let svg = place.read("user-agents.svg");
    assert!(
        svg.starts_with("<svg ") && svg.contains("<title>User agents</title>"),
        "{svg}"
    );
    assert!(svg.contains(">Crawl 1 of mainnet · "), "{svg}");

    check(
        &place,
        "plot versions -o v.PNG --scale 1 --width 600",
        &["v.PNG"],
    );
    let png = std::fs::read(place.path("v.PNG")).unwrap();
    // The header chunk begins with the width.
    assert_eq!(
        (&png[..4], &png[16..20]),
        (&b"\x89PNG"[..], &[0, 0, 2, 88][..])
    );

    // One crawl has no trends, and nobody here knows AS numbers.
    let drawn = names
        .iter()
        .filter(|it| !it.starts_with("trends") && **it != "systems");
    let files: Vec<String> = drawn.map(|it| format!("all/{it}.svg")).collect();
    let all = place.run("plot all --output all --db c.db");
    assert_eq!(all.code, Some(0), "{all:?}");
    assert_eq!(all.stdout.lines().collect::<Vec<_>>(), files);
    assert!(files.iter().all(|it| place.path(it).is_file()));
}

#[test]
fn what_cannot_be_drawn_or_written_is_said_in_a_line() {
    let place = Place::new();
    crawled(&place, "--nodes 5 --dead 0 --odd 0");
    let wrong = place.run("plot wrold --db c.db");
    assert_eq!(wrong.code, Some(2));
    let why = "there is no picture `wrold`; `bitcensus plot` lists them";
    assert!(wrong.stderr.contains(why), "{}", wrong.stderr);
    for (command, why) in [
        ("plot trends", "crawl 1 has nothing for trends\n"),
        (
            "plot versions -o v.gif",
            "v.gif ends neither in .svg nor in .png\n",
        ),
        (
            "plot versions -o nowhere/v.svg",
            "nowhere/v.svg cannot be written: ",
        ),
    ] {
        let failed = place.run(&format!("{command} --db c.db"));
        assert_eq!(
            (failed.code, failed.stdout.as_str()),
            (Some(1), ""),
            "{command}"
        );
        let why = format!("bitcensus: {why}");
        assert!(failed.stderr.starts_with(&why), "{}", failed.stderr);
    }
}

/// Leaves `c.db` behind, with a crawl of a simulated network.
fn crawled(place: &Place, network: &str) {
    let sim = place.sim(network);
    let ended = place.run(&format!("crawl nodes.txt {} --db c.db", sim.once()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[track_caller]
fn check(place: &Place, command: &str, written: &[&str]) {
    let ended = place.run(&format!("{command} --db c.db"));
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{command}"
    );
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), written);
    for file in written {
        assert!(place.path(file).is_file(), "{file}");
    }
}
