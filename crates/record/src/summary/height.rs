//! How high the chain is, by what nodes claim.

use super::quantile::quantile;

/// How far above the median a claim may be: nodes hear of new blocks while a crawl lasts, and an hour has six.
const MAX_ABOVE_MEDIAN: i32 = 6;
/// How many nodes must claim a height, or a higher one, for it to be believed against the median.
const MIN_CLAIMS: usize = 3;

/// What [`latest_height`] is, for people.
pub const LATEST_HEIGHT: &str = "the median of the heights above 0 that reachable nodes claim, or the highest one that three of them reach, \
     claims of more than 6 above the median aside";

/// Returns the height of the chain by what nodes claim, in any order; [`LATEST_HEIGHT`] is its definition.
///
/// Nodes claim what they like, and some follow other chains: a maximum would be theirs to choose.
pub fn latest_height(mut heights: Vec<i32>) -> Option<i32> {
    heights.retain(|it| *it > 0);
    heights.sort_unstable();
    let median = quantile(&heights, 50)?;
    let ceiling = median.saturating_add(MAX_ABOVE_MEDIAN);
    let believed = &heights[..heights.partition_point(|it| *it <= ceiling)];
    let claimed = believed.iter().nth_back(MIN_CLAIMS - 1);
    Some(claimed.copied().unwrap_or(median).max(median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_height_is_what_several_nodes_near_the_median_reach() {
        check(&[], None);
        check(&[0, -1, i32::MIN], None);
        check(&[100], Some(100));
        check(&[100, 103], Some(100));
        check(&[0, 100, 101], Some(100));
        check(&[100, 100, 100, 100, 101, 101], Some(100));
        check(&[100, 100, 100, 100, 101, 101, 101], Some(101));
        check(&[100, 100, 100, 100, 101, 102, 106], Some(101));
    }

    #[test]
    fn wild_claims_change_nothing() {
        check(&[100, 100, 100, 100, 107, 107, 107], Some(100));
        check(&[5, 6, 100, 100, 101, 101, 101, 999, i32::MAX], Some(101));
        check(&[i32::MAX; 3], Some(i32::MAX));
    }

    #[test]
    fn it_is_what_bitnodes_said() {
        check_snapshot("bitnodes_2016-11-14.json", 438_807);
        check_snapshot("bitnodes_2018-08-06.json", 535_517);
    }

    #[track_caller]
    fn check_snapshot(name: &str, expected: i32) {
        let data = std::env::var("BITCENSUS_DATA").unwrap_or_else(|_| {
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into()
        });
        let Ok(text) = std::fs::read_to_string(format!("{data}/snapshots/{name}")) else {
            println!("skipped: {name} is not there");
            return;
        };
        let snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = snapshot["nodes"].as_object().unwrap().values();
        let heights = rows.map(|it| i32::try_from(it[4].as_i64().unwrap()).unwrap());
        assert_eq!(latest_height(heights.collect()), Some(expected));
    }

    #[track_caller]
    fn check(heights: &[i32], expected: Option<i32>) {
        assert_eq!(latest_height(heights.to_vec()), expected, "{heights:?}");
    }
}
