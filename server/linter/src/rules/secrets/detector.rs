//! Detects secrets by their format, or by the name of the value.
//!
//! The result names the kind of secret and never contains any part of it.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use memchr::{memchr, memmem, memrchr};
use std::iter;

/// Returns what a named text seems to be, such as "a password". `names` are the suffixes of the
/// names of secrets.
pub(crate) fn detect(name: &str, text: &str, names: &[String]) -> Option<&'static str> {
    by_format(text).or_else(|| by_name(name, text, names))
}

/// Returns what a text contains, by format alone.
pub(crate) fn by_format(text: &str) -> Option<&'static str> {
    if contains_private_key(text) {
        return Some("a private key");
    }
    if lines_with("://", text)
        .filter(|line| !is_comment(line))
        .any(contains_url_with_password)
    {
        return Some("a URL with a password");
    }
    if contains_connection_password(text) {
        return Some("a connection string with a password");
    }
    if contains_login(text) {
        return Some("the credentials of an HTTP header");
    }
    token_candidates(text).find_map(token)
}

/// Returns the lines that contain a word. This skips most of a long text quickly.
fn lines_with<'t>(word: &'static str, text: &'t str) -> impl Iterator<Item = &'t str> {
    let finder = memmem::Finder::new(word);
    let mut rest = text;
    iter::from_fn(move || {
        let at = finder.find(rest.as_bytes())?;
        let start = memrchr(b'\n', &rest.as_bytes()[..at]).map_or(0, |end| end + 1);
        let end = memchr(b'\n', &rest.as_bytes()[at..]).map_or(rest.len(), |length| at + length);
        let line = &rest[start..end];
        rest = &rest[end..];
        Some(line)
    })
}

/// Returns the words of a text that start like a token.
fn token_candidates(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let [first, second, third] = &TOKEN_STARTS;
    let is_like = |three: &[u8]| match *three {
        [a, b, c] => {
            let like = first[usize::from(a)];
            // Most bytes start no token.
            like != 0 && like & second[usize::from(b)] & third[usize::from(c)] != 0
        }
        _ => false,
    };
    let starts = bytes
        .windows(TOKEN_STARTS.len())
        .enumerate()
        .filter(move |(_, three)| is_like(three))
        .map(|(at, _)| at);
    starts
        .filter(|at| *at == 0 || !is_part(bytes[at - 1]))
        .map(|at| {
            let length = bytes[at..].iter().position(|byte| !is_part(*byte));
            &text[at..length.map_or(text.len(), |length| at + length)]
        })
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// For each of the first bytes of a word: which tokens have it there, one bit per token. The last
/// bit is for JSON Web Tokens.
const TOKEN_STARTS: [[u32; 256]; 3] = {
    let mut like = [[0; 256]; 3];
    let mut token = 0;
    while token <= TOKENS.len() {
        let start = if token < TOKENS.len() {
            TOKENS[token].0
        } else {
            WEB_TOKEN
        };
        let mut at = 0;
        while at < like.len() {
            like[at][start.as_bytes()[at] as usize] |= 1 << token;
            at += 1;
        }
        token += 1;
    }
    like
};

/// Returns what a text seems to be, by its name.
pub(crate) fn by_name(name: &str, text: &str, names: &[String]) -> Option<&'static str> {
    let text = text.trim();
    let words = words(name);
    let ending = names
        .iter()
        .filter(|ending| ends_in(&words, ending))
        .max_by_key(|ending| ending.len())?;
    if !is_literal(text) || text.contains(char::is_whitespace) {
        return None;
    }
    let what = noun(ending);
    // A password can be any text. Under other names, the value is often a number or the name of a
    // Secret, a key or a user.
    let is_other = what != PASSWORD && (is_name(text) || is_short(text));
    (!is_other).then_some(what)
}

/// Whether a text may contain the name of a secret: the last word of one, at the end of a word. Most
/// long texts, such as dashboards, contain none, and need not be parsed.
pub(crate) fn may_have_name(text: &str, names: &[String]) -> bool {
    let mut last_words: Vec<&str> = names
        .iter()
        .map(|name| name.rsplit('_').next().unwrap_or(name))
        .collect();
    last_words.sort_unstable();
    last_words.dedup();
    let text = text.to_ascii_lowercase();
    last_words.into_iter().any(|word| {
        memmem::find_iter(text.as_bytes(), word).any(|at| {
            let behind = text[at + word.len()..]
                .trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-'));
            !behind.starts_with(|c: char| c.is_ascii_alphabetic())
        })
    })
}

const PASSWORD: &str = "a password";

fn noun(ending: &str) -> &'static str {
    match ending.rsplit('_').next().unwrap_or(ending) {
        "password" | "passwd" | "passphrase" | "pass" | "pwd" => PASSWORD,
        "token" => "a token",
        "key" | "apikey" | "base" => "a key",
        "credentials" | "credential" => "credentials",
        _ => "a secret",
    }
}

/// Whether a name ends in these words. The last word decides: `TOKEN_TTL` is a time.
fn ends_in(words: &str, ending: &str) -> bool {
    match words.strip_suffix(ending) {
        // The working directory.
        Some("" | "old") if ending == "pwd" => false,
        Some(rest) => rest.is_empty() || rest.ends_with('_') || ending.len() >= LONG_ENOUGH,
        None => false,
    }
}

/// A suffix of this length counts even without a separator before it: `PGPASSWORD`.
const LONG_ENOUGH: usize = 5;

/// Returns a name's words in lower case, separated by `_`, without a trailing number. `dbPassword2`
/// is `db_password`.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len());
    let mut before = '_';
    for character in name.chars() {
        let starts_word = character.is_ascii_uppercase() && before.is_ascii_lowercase();
        if (starts_word || !character.is_ascii_alphanumeric()) && !words.is_empty() {
            words.push('_');
        }
        if character.is_ascii_alphanumeric() {
            words.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words
        .trim_end_matches(|c: char| c == '_' || c.is_ascii_digit())
        .to_owned()
}

/// Whether a text is a literal value, rather than a reference, a placeholder or a switch.
fn is_literal(text: &str) -> bool {
    const SWITCHES: [&str; 13] = [
        "true", "false", "yes", "no", "on", "off", "enabled", "disabled", "none", "null", "nil",
        "optional", "required",
    ];
    const REFERENCES: [&str; 11] = [
        "/",
        "./",
        "../",
        "~/",
        "$",
        "%",
        "file:",
        "vault:",
        "arn:",
        "ref+",
        "secretref",
    ];
    let lower = text.to_ascii_lowercase();
    let is_reference =
        REFERENCES.iter().any(|start| lower.starts_with(start)) || text.contains("://");
    let is_filled_in = ["$(", "${", "{{", "<%"]
        .iter()
        .any(|mark| text.contains(mark))
        || text.starts_with('<');
    let is_masked = text
        .chars()
        .all(|c| matches!(c, '*' | '.' | 'x' | 'X' | '-'));
    !(text.is_empty()
        || is_placeholder(text)
        || SWITCHES.contains(&lower.as_str())
        || is_reference
        || is_filled_in
        || is_masked)
}

/// Whether a text is a placeholder: `INSERT_TOKEN`, `your-password`.
fn is_placeholder(text: &str) -> bool {
    const PREFIXES: [&str; 5] = ["your", "insert", "replace", "example", "placeholder"];
    let lower = text.to_ascii_lowercase();
    let is_constant =
        text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let is_own_name = matches!(text, "PASSWORD" | "PASS" | "SECRET" | "TOKEN" | "KEY");
    is_constant || is_own_name || PREFIXES.iter().any(|start| lower.starts_with(start))
}

/// Whether a text looks like the name of an object or a file: `web-tls`, `tls.key`, `id_rsa`.
fn is_name(text: &str) -> bool {
    const BETWEEN: [char; 4] = ['-', '.', '_', '/'];
    let is_word = |word: &str| word.len() <= 2 || word.chars().all(|c| c.is_ascii_lowercase());
    text.contains(BETWEEN) && text.split(BETWEEN).all(is_word)
}

/// Whether a text is a word or a short number.
fn is_short(text: &str) -> bool {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_lower_case = text.bytes().all(|byte| byte.is_ascii_lowercase());
    (text.len() < 8 && (is_word || is_number)) || (text.len() < 16 && is_lower_case)
}

/// Whether a line of a file is a comment.
pub(crate) fn is_comment(line: &str) -> bool {
    ["#", ";", "//", "!"]
        .iter()
        .any(|mark| line.trim_start().starts_with(mark))
}

/// Whether a line contains a URL with a password: `scheme://user:password@host` or `?password=`.
fn contains_url_with_password(line: &str) -> bool {
    line.split("://").skip(1).any(|rest| {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',');
        let url = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let authority = url.split(['/', '?', '#', ';']).next().unwrap_or(url);
        let userinfo = authority
            .rsplit_once('@')
            .filter(|(_, host)| !host.is_empty())
            .map(|(userinfo, _)| userinfo);
        let named = || {
            url.split(['?', '&', ';'])
                .skip(1)
                .filter_map(|part| part.split_once('='))
        };
        userinfo
            .and_then(|userinfo| userinfo.split_once(':'))
            .is_some_and(is_real_login)
            || named()
                .any(|(name, value)| name.eq_ignore_ascii_case("password") && is_literal(value))
    })
}

/// Whether a text is a connection string with a password: `Server=db;User=app;Password=...`.
fn contains_connection_password(text: &str) -> bool {
    const NAMES: [&str; 4] = ["password", "pwd", "accountkey", "sharedaccesskey"];
    let parts = || text.split(';').filter_map(|part| part.split_once('='));
    let is_secret = |name: &str| NAMES.contains(&name.trim().to_ascii_lowercase().as_str());
    !text.contains('\n')
        && parts().count() >= 2
        && parts().any(|(name, value)| is_secret(name) && is_literal(value.trim()))
}

/// Whether a text contains credentials as HTTP headers have them (RFC 9110, section 11.4):
/// `Bearer q8s7d6f5g4h3j2k1l0`, `Basic YXBwOmh1bnRlcjI=`.
fn contains_login(text: &str) -> bool {
    after_word("earer ", text).any(|(start, word)| start == b'b' && is_opaque(word))
        || after_word("asic ", text).any(|(start, word)| start == b'b' && is_basic_login(word))
}

/// Returns the words that follow a scheme, with the first letter of the scheme in lower case.
/// `rest_of_scheme` has no first letter, so that both `Basic` and `basic` are found.
fn after_word<'t>(
    rest_of_scheme: &'static str,
    text: &'t str,
) -> impl Iterator<Item = (u8, &'t str)> {
    let bytes = text.as_bytes();
    memmem::find_iter(bytes, rest_of_scheme).filter_map(move |at| {
        let first = at.checked_sub(1)?;
        let starts_word = first == 0 || !is_part(bytes[first - 1]);
        let rest = text[at + rest_of_scheme.len()..].trim_start();
        let is_token = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        let word = &rest[..rest.find(|c| !is_token(c)).unwrap_or(rest.len())];
        starts_word.then(|| (bytes[first].to_ascii_lowercase(), word))
    })
}

/// Whether a text is a token rather than a word: long, and with letters and digits.
fn is_opaque(text: &str) -> bool {
    is_random(text, 16)
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && is_literal(text)
}

/// Whether a text is `user:password` in base64 (RFC 7617).
fn is_basic_login(text: &str) -> bool {
    let decoded = BASE64
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .as_deref()
        .and_then(|login| login.split_once(':'))
        .is_some_and(is_real_login)
}

/// Whether user and password are real, and not the examples of manuals.
fn is_real_login((user, password): (&str, &str)) -> bool {
    let is_documentation = user.starts_with("user") && password.starts_with("pass");
    is_literal(password) && !is_documentation
}

/// Whether a text contains a private key in PEM format, and not only its markers.
fn contains_private_key(text: &str) -> bool {
    const BEGIN: &str = "-----BEGIN ";
    let first = memmem::find(text.as_bytes(), BEGIN.as_bytes()).unwrap_or(text.len());
    text[first..].split(BEGIN).skip(1).any(|block| {
        let Some((label, body)) = block.split_once("-----") else {
            return false;
        };
        let body = body.split("-----END").next().unwrap_or(body);
        let is_key_text = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        let label = label.trim_end_matches(" BLOCK");
        label.ends_with("PRIVATE KEY") && body.chars().filter(is_key_text).count() >= 40
    })
}

/// Tokens that are recognizable by their prefix: the prefix, the minimum number of characters after
/// it, and the kind.
const TOKENS: [(&str, usize, &str); 18] = [
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghu_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("ghr_", 36, "a GitHub token"),
    ("github_pat_", 40, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("sk_live_", 20, "a Stripe key"),
    ("rk_live_", 20, "a Stripe key"),
    ("AIza", 35, "a Google API key"),
    ("npm_", 36, "an npm token"),
    ("SG.", 60, "a SendGrid key"),
    ("hvs.", 24, "a Vault token"),
    ("dop_v1_", 60, "a DigitalOcean token"),
];

fn token(word: &str) -> Option<&'static str> {
    if is_web_token(word) {
        return Some("a JSON Web Token");
    }
    TOKENS
        .iter()
        .find(|(start, least, _)| {
            word.strip_prefix(start)
                .is_some_and(|rest| is_random(rest, *least))
        })
        .map(|token| token.2)
}

/// Whether a text looks random, rather than like an example.
fn is_random(text: &str, least: usize) -> bool {
    let mut distinct: Vec<u8> = text.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    text.len() >= least && distinct.len() >= 8 && !text.to_ascii_uppercase().contains("EXAMPLE")
}

/// The start of JSON in base64.
const WEB_TOKEN: &str = "eyJ";

/// `header.claims.signature`, the first two of them JSON in base64.
fn is_web_token(word: &str) -> bool {
    let mut parts = word.split('.');
    let is_json = |part: Option<&str>| {
        part.is_some_and(|part| part.starts_with(WEB_TOKEN) && part.len() >= 12)
    };
    is_json(parts.next())
        && is_json(parts.next())
        && parts.next().is_some_and(|signature| signature.len() >= 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Values;
    use std::collections::BTreeSet;

    fn seen(name: &str, text: &str) -> Option<&'static str> {
        detect(name, text, &Values::default().secret_names)
    }

    #[test]
    fn names_of_secrets() {
        for (name, text, expected) in [
            ("DB_PASSWORD", "hunter2", "a password"),
            ("DB_PASSWORD", "123456", "a password"),
            ("PGPASSWORD", "postgres", "a password"),
            ("MYSQL_PWD", "x1", "a password"),
            ("spring.datasource.password", "hunter2", "a password"),
            ("dbPassword2", "hunter2", "a password"),
            ("CLIENT_SECRET", "5f2a9c1e77", "a secret"),
            ("SLACK_TOKEN", "a83hf02hf", "a token"),
            ("stripeApiKey", "a83hf02hf", "a key"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG", "a key"),
            ("AZURE_STORAGE_KEY", "b3BlbnNlc2FtZTcyMQ==", "a key"),
            ("JWT_KEY", "b3BlbnNlc2FtZTcyMQ==", "a key"),
            ("DB_CREDENTIAL", "b3BlbnNlc2FtZTcyMQ==", "credentials"),
        ] {
            assert_eq!(seen(name, text), Some(expected), "{name}");
        }
    }

    #[test]
    fn other_values_are_not_secrets() {
        for (name, text) in [
            ("DB_PASSWORD", ""),
            ("DB_PASSWORD", "$(OTHER)"),
            ("DB_PASSWORD", "${OTHER}"),
            ("DB_PASSWORD", "$OTHER"),
            ("DB_PASSWORD", "<your password>"),
            ("DB_PASSWORD", "/run/secrets/db"),
            ("DB_PASSWORD", "vault:secret/data/db#password"),
            ("DB_PASSWORD", "********"),
            ("DB_PASSWORD", "yourpassword"),
            ("API_KEY", "API_KEY_VAL"),
            ("MINIO_ACCESS_KEY", "minio"),
            ("ALLOW_EMPTY_PASSWORD", "yes"),
            ("DB_PASSWORD_FILE", "hunter2"),
            ("SECRETS_DIR", "secrets"),
            ("TOKEN_TTL", "3600s"),
            ("MAX_TOKEN", "4096"),
            ("SECRET_NAME", "hunter2"),
            ("TLS_SECRET", "web-tls"),
            ("PULL_SECRET", "regcredentials"),
            ("ROUTING_KEY", "b3BlbnNlc2FtZTcyMQ=="),
            ("HEADER", "Bearer authentication"),
            ("HEADER", "Bearer YOUR_TOKEN_1234567890"),
            ("HEADER", "Bearer ${TOKEN}"),
            ("HEADER", "forbearer q8s7d6f5g4h3j2k1l0"),
            ("HEADER", "Basic configuration"),
            ("HEADER", "Basic dXNlcjpwYXNzd29yZA=="),
            ("PRIVATE_KEY", "tls.key"),
            ("KEY_PREFIX", "a83hf02hf"),
            ("PWD", "app"),
            ("OLDPWD", "app"),
            ("COMPASS", "north"),
            ("API_URL", "https://api.example.com/v1"),
            ("TOKEN_URL", "https://example.com/token@v1"),
            ("DATABASE_URL", "postgres://app@db/app"),
            ("DATABASE_URL", "postgres://app:$(DB_PASSWORD)@db/app"),
            ("DATABASE_URL", "postgres://app:PASSWORD@db/app"),
            ("HELP", "postgres://user:password@host/db"),
            ("SSH_PRIVATE_KEY", "id_rsa"),
            ("DB_SECRET", "shop/db"),
            ("DB", "Server=db;Password=${DB_PASSWORD}"),
            ("app.conf", "# postgres://app:hunter2@db/app"),
            ("KEY", "AKIAIOSFODNN7EXAMPLE"),
            (
                "KEY",
                "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(seen(name, text), None, "{name}: {text}");
        }
    }

    #[test]
    fn formats_without_a_name() {
        let random = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3";
        let cases = [
            (
                "postgres://app:hunter2@db:5432/app".to_owned(),
                "a URL with a password",
            ),
            ("redis://:hunter2@cache".into(), "a URL with a password"),
            (
                "jdbc:mysql://db/app?user=app&password=hunter2".into(),
                "a URL with a password",
            ),
            (
                "Server=db;User Id=app;Password=hunter2;".into(),
                "a connection string with a password",
            ),
            (
                "Authorization: Bearer q8s7d6f5g4h3j2k1l0".into(),
                "the credentials of an HTTP header",
            ),
            (
                "basic YXBwOmh1bnRlcjI=".into(),
                "the credentials of an HTTP header",
            ),
            (format!("header ghp_{random}"), "a GitHub token"),
            (
                format!("id=AKIA{}", "2E0A8F3B9C7D1X5Z"),
                "an AWS access key",
            ),
            (
                format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{random}"),
                "a JSON Web Token",
            ),
            (
                format!(
                    "-----BEGIN EC PRIVATE KEY-----\n{random}{random}\n-----END EC PRIVATE KEY-----"
                ),
                "a private key",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(seen("X", &text), Some(expected), "{text}");
        }
    }

    /// [`by_format`] without its optimizations.
    fn plainly_by_format(text: &str) -> Option<&'static str> {
        let is_private_key = text
            .split("-----BEGIN ")
            .skip(1)
            .any(|block| contains_private_key(&format!("-----BEGIN {block}")));
        let has_password = || {
            text.lines()
                .filter(|line| !is_comment(line))
                .any(contains_url_with_password)
        };
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if is_private_key {
            Some("a private key")
        } else if has_password() {
            Some("a URL with a password")
        } else if contains_connection_password(text) {
            Some("a connection string with a password")
        } else if contains_login(text) {
            Some("the credentials of an HTTP header")
        } else {
            text.split(|c| !is_part(c)).find_map(token)
        }
    }

    #[test]
    fn optimized_search_finds_the_same() {
        let mut pieces = vec![
            "\n", "\n", "\r\n", "\r", " ", "# ", "//", "-", ".", "_", ";", "=", ":", "@", "ä",
            "\"", "a",
        ];
        pieces.extend([
            "://",
            "postgres://",
            "app:hunter2@",
            "db",
            "?password=",
            "hunter2",
            "Server=db;",
            "Password=",
            "${",
            "user:pass@",
        ]);
        pieces.extend([
            "-----BEGIN ",
            "RSA PRIVATE KEY",
            "-----BEGIN EC PRIVATE KEY-----\n",
            "-----",
            "-----END ",
            " BLOCK",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.",
            "EXAMPLE",
            "Bearer q8s7d6f5g4h3j2k1l0",
        ]);
        pieces.extend([
            "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3",
            "Ab1Cd2Ef3Gh4Ij5K",
            "gh",
            "AKI",
            "ey",
            "0000000000000000000000",
        ]);
        pieces.extend(TOKENS.map(|(start, ..)| start));
        let mut state = 1_u64;
        let mut any = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut seen = BTreeSet::new();
        for _ in 0..20_000 {
            let text: String = (0..1 + any(12))
                .map(|_| pieces[any(pieces.len())])
                .collect();
            assert_eq!(by_format(&text), plainly_by_format(&text), "{text:?}");
            seen.extend(by_format(&text));
        }
        let all: BTreeSet<_> = TOKENS.map(|(.., what)| what).into_iter().collect();
        assert_eq!(all.difference(&seen).next(), None);
        assert!(seen.len() == all.len() + 5, "{seen:?}");
    }
}
