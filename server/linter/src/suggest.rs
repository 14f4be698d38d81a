//! Suggests the name that was meant when another one is written.

/// Returns the name that a word was most likely meant to be.
///
/// Case, hyphens and underscores do not count. A name with too many typos for the length of the
/// word is not suggested.
pub fn closest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let word = normalized(word);
    names
        .into_iter()
        .map(|name| {
            let typos = strsim::damerau_levenshtein(&word, &normalized(name));
            (typos, name)
        })
        .filter(|&(typos, _)| typos <= max_typos(&word))
        .min_by_key(|&(typos, _)| typos)
        .map(|(_, name)| name)
}

/// Returns the closest name, else the first one that contains the word: `warning` for `warn`.
///
/// This is for messages. A fix needs the certainty of [`closest`].
pub fn closest_or_longer<'n>(
    word: &str,
    names: impl IntoIterator<Item = &'n str, IntoIter: Clone>,
) -> Option<&'n str> {
    const MIN_LENGTH: usize = 4;
    let names = names.into_iter();
    closest(word, names.clone()).or_else(|| {
        let word = normalized(word);
        let contains = |name: &&str| word.len() >= MIN_LENGTH && normalized(name).contains(&word);
        names.clone().find(contains)
    })
}

fn normalized(name: &str) -> String {
    name.replace(['-', '_'], "").to_lowercase()
}

/// Returns how many typos a suggestion may correct. In a short word, one more makes a different
/// word.
fn max_typos(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 0,
        4..=5 => 1,
        6..=11 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_find_the_name() {
        let names = ["host-network", "host-pid", "privileged-container"];
        assert_eq!(
            closest("priviliged-container", names),
            Some("privileged-container")
        );
        assert_eq!(closest("host-pdi", names), Some("host-pid"));
        assert_eq!(closest("HostNetwork", names), Some("host-network"));
    }

    #[test]
    fn parts_of_a_name_find_it() {
        let names = ["baseline", "restricted", "warning"];
        assert_eq!(closest("strict", names), None);
        assert_eq!(closest_or_longer("strict", names), Some("restricted"));
        assert_eq!(closest_or_longer("warn", names), Some("warning"));
        assert_eq!(closest_or_longer("war", names), None);
    }

    #[test]
    fn other_words_find_nothing() {
        assert_eq!(closest("zzz", ["host-network", "host-pid"]), None);
        assert_eq!(closest("add", ["drop", "all"]), None);
    }
}
