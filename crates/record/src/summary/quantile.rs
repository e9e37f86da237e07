//! Quantiles by the nearest rank: always a value that was seen.

/// Returns the smallest value that at least `percent` of all values do not exceed; `sorted` is in order.
pub(crate) fn quantile<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        check(&[], [None, None, None, None]);
        check(&[7], [Some(7); 4]);
        check(&[1, 2], [Some(1), Some(1), Some(2), Some(2)]);
        check(&[1, 2, 3], [Some(1), Some(2), Some(3), Some(3)]);
        let hundred: Vec<i32> = (1..=100).collect();
        check(&hundred, [Some(1), Some(50), Some(90), Some(100)]);
    }

    #[track_caller]
    fn check(sorted: &[i32], expected: [Option<i32>; 4]) {
        assert_eq!([0, 50, 90, 100].map(|it| quantile(sorted, it)), expected);
    }
}
