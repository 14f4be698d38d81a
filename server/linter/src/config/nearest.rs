//! The name that somebody may have meant.
//!
//! Promise: a slip of the finger finds its name; a word that is like no name finds none.

/// The candidate that is most like a word.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below it, names share little more than their alphabet.
    const LIKENESS: f64 = 0.7;
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let names = || ["host-network", "host-pid", "privileged-container"].into_iter();
        assert_eq!(
            nearest("priviliged-container", names()),
            Some("privileged-container")
        );
        assert_eq!(nearest("host-pdi", names()), Some("host-pid"));
        assert_eq!(nearest("zzz", names()), None);
    }
}
