//! The Equal Earth projection: every country is as large as it is (Šavrič, Patterson and Jenny, 2018).

use super::atlas::Degrees;

const A1: f64 = 1.340_264;
const A2: f64 = -0.081_106;
const A3: f64 = 0.000_893;
const A4: f64 = 0.003_796;

/// Returns how far east and north of the middle of the map a place is, in radii of the globe.
pub(super) fn equal_earth(at: Degrees) -> (f64, f64) {
    let half_root = 3_f64.sqrt() / 2.0;
    let angle = (half_root * at.north.to_radians().sin()).asin();
    let squared = angle * angle;
    let sixth = squared * squared * squared;
    let slope = A1 + 3.0 * A2 * squared + sixth * (7.0 * A3 + 9.0 * A4 * squared);
    let x = at.east.to_radians() * angle.cos() / (half_root * slope);
    let y = angle * (A1 + A2 * squared + sixth * (A3 + A4 * squared));
    (x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_where_the_authors_have_them() {
        check(0.0, 0.0, (0.0, 0.0));
        check(0.0, 180.0, (2.706_630, 0.0));
        check(90.0, 0.0, (0.0, 1.317_363));
        check(-90.0, -180.0, (-1.603_589, -1.317_363));
    }

    #[track_caller]
    fn check(north: f64, east: f64, expected: (f64, f64)) {
        let (x, y) = equal_earth(Degrees { north, east });
        let off = (x - expected.0).abs().max((y - expected.1).abs());
        assert!(off < 1e-5, "{x} {y}");
    }
}
