//! Which name somebody meant who wrote another one, and names at a length that fits a message.

use std::borrow::Cow;

/// The name that a word was meant to be: the same but for capitals and hyphens, else the one with the fewest slips.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = plain(word);
    let slips = |name: &str| strsim::damerau_levenshtein(&written, &plain(name));
    let near = names
        .into_iter()
        .map(|name| (slips(name), name))
        .filter(|&(slips, _)| slips <= most_slips(&written));
    near.min_by_key(|&(slips, _)| slips).map(|(_, name)| name)
}

fn plain(name: &str) -> String {
    name.replace(['-', '_'], "").to_lowercase()
}

/// In a short word, a slip more gives another word.
fn most_slips(word: &str) -> usize {
    match word.chars().count() {
        0..=3 => 0,
        4..=5 => 1,
        6..=11 => 2,
        _ => 3,
    }
}

/// A name out of a document, cut where it would not leave a message its place.
pub(super) fn brief(name: &str) -> Cow<'_, str> {
    const MOST: usize = 36;
    match name.char_indices().nth(MOST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}
