//! placeholder
use super::Yaml;
pub(super) fn read(text: &str) -> Yaml {
    Yaml { text: text.into(), ..Yaml::default() }
}
