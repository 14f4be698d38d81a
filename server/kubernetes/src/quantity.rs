//! Quantities: `500m`, `1.5`, `128Mi`, `1e3`. A test compares the result with the API server's own
//! parser (`k8s.io/apimachinery/pkg/api/resource`).

/// Returns a Kubernetes quantity in billionths; `None` if it is not one. As in Kubernetes, a
/// smaller amount rounds up to one billionth, and one that does not fit becomes the largest.
pub fn parse_quantity(quantity: &str) -> Option<i128> {
    let (negative, unsigned) = match quantity.strip_prefix(['+', '-']) {
        Some(unsigned) => (quantity.starts_with('-'), unsigned),
        None => (false, quantity),
    };
    let (whole, rest) = digits(unsigned);
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
    let unit = Unit::of(suffix)?;
    let is_nothing = whole.is_empty() && fraction.is_empty();
    if quantity.is_empty() || (is_nothing && unit.needs_digits()) {
        return None;
    }
    let magnitude = unit.nanos(whole, fraction);
    Some(if negative { -magnitude } else { magnitude })
}

/// Splits a text behind its leading digits.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// The factor of a suffix.
#[derive(Clone, Copy)]
enum Unit {
    /// A power of ten.
    Decimal(i32),
    /// A power of two.
    Binary(u32),
}

impl Unit {
    fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Unit::Decimal(0),
            "n" => Unit::Decimal(-9),
            "u" => Unit::Decimal(-6),
            "m" => Unit::Decimal(-3),
            "k" => Unit::Decimal(3),
            "M" => Unit::Decimal(6),
            "G" => Unit::Decimal(9),
            "T" => Unit::Decimal(12),
            "P" => Unit::Decimal(15),
            "E" => Unit::Decimal(18),
            "Ki" => Unit::Binary(10),
            "Mi" => Unit::Binary(20),
            "Gi" => Unit::Binary(30),
            "Ti" => Unit::Binary(40),
            "Pi" => Unit::Binary(50),
            "Ei" => Unit::Binary(60),
            _ => Unit::Decimal(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
        })
    }

    /// The API server reads `Mi` alone as 0, on its fast path for small numbers. The slow path for
    /// these suffixes requires digits.
    fn needs_digits(self) -> bool {
        matches!(self, Unit::Binary(50..))
    }

    /// Returns `whole.fraction` units in billionths, rounded up.
    fn nanos(self, whole: &str, fraction: &str) -> i128 {
        const NANO: i32 = 9;
        let digits = || {
            whole
                .bytes()
                .chain(fraction.bytes())
                .skip_while(|&digit| digit == b'0')
        };
        let Some(number) = digits().try_fold(0_i128, |number, digit| {
            number
                .checked_mul(10)?
                .checked_add(i128::from(digit - b'0'))
        }) else {
            return i128::MAX;
        };
        let places = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
        match self {
            Unit::Decimal(power) => {
                scaled(number, power.saturating_add(NANO).saturating_sub(places))
            }
            Unit::Binary(power) => {
                let most = i128::from(i64::MAX) * 1_000_000_000;
                let number = number.checked_mul(1 << power).unwrap_or(i128::MAX);
                scaled(number, NANO.saturating_sub(places)).min(most)
            }
        }
    }
}

/// Multiplies a number by a power of ten, rounded up.
fn scaled(number: i128, power: i32) -> i128 {
    let factor = 10_i128.checked_pow(power.unsigned_abs());
    match (number, factor) {
        (0, _) => 0,
        (_, Some(factor)) if power >= 0 => number.saturating_mul(factor),
        (_, Some(factor)) => (number - 1) / factor + 1,
        (_, None) => {
            if power >= 0 {
                i128::MAX
            } else {
                1
            }
        }
    }
}
