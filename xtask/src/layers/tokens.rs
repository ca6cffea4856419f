//! Just enough of Rust's grammar to see names: no comments, no text in quotes.

/// A name, or one character of punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'source> {
    Name(&'source str),
    Mark(char),
}

/// The tokens of `source`, each with the number of its line.
pub(crate) fn read(source: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = skipped(rest).unwrap_or_else(|| {
            let length = name_length(rest).max(first.len_utf8());
            if name_length(rest) > 0 {
                tokens.push((line, Token::Name(&rest[..length])));
            } else if !first.is_whitespace() {
                tokens.push((line, Token::Mark(first)));
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The tokens before the tests at the end of a file.
pub(crate) fn before_tests<'list, 'source>(
    tokens: &'list [(usize, Token<'source>)],
) -> &'list [(usize, Token<'source>)] {
    let opening = [
        Token::Mark('#'),
        Token::Mark('['),
        Token::Name("cfg"),
        Token::Mark('('),
        Token::Name("test"),
        Token::Mark(')'),
        Token::Mark(']'),
        Token::Name("mod"),
    ];
    let at = tokens
        .windows(opening.len())
        .position(|window| window.iter().map(|(_, token)| token).eq(opening.iter()));
    &tokens[..at.unwrap_or(tokens.len())]
}

fn name_length(text: &str) -> usize {
    text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len())
}

/// The length of the comment, text or character that `text` opens with.
fn skipped(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(block_comment(text));
    }
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        let rest = text.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    });
    let prefix_length = prefix.map_or(0, str::len);
    let after = &text[prefix_length..];
    if prefix.is_some_and(|prefix| prefix.ends_with('r')) {
        return Some(prefix_length + raw_text(after));
    }
    if after.starts_with('"') {
        return Some(prefix_length + quoted(after, '"'));
    }
    if text.starts_with('\'') {
        return character(text);
    }
    None
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_text(text: &str) -> usize {
    let count = text.len() - text.trim_start_matches('#').len();
    let ending = format!("\"{}", "#".repeat(count));
    let start = count + 1;
    text[start..].find(&ending).map_or(text.len(), |at| start + at + ending.len())
}

fn quoted(text: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == mark {
            return at + 1;
        }
    }
    text.len()
}

/// A character in quotes; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let mut letters = text.chars().skip(1);
    let first = letters.next()?;
    (first == '\\' || letters.next() == Some('\'')).then(|| quoted(text, '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<&str> {
        let tokens = read(source);
        let names = tokens.iter().filter_map(|(_, token)| match token {
            Token::Name(name) => Some(*name),
            Token::Mark(_) => None,
        });
        names.collect()
    }

    #[test]
    fn sees_names_and_not_what_is_quoted() {
        let source = r####"
            /// doc // of /* one
            use alpha::beta; /* gamma /* delta */ epsilon */
            let zeta = "eta \" theta"; let iota = r#"kappa " lambda"#; b"mu"; '\''; 'n'; '"';
            fn xi<'omicron>() {}
        "####;
        assert_eq!(
            names(source),
            ["use", "alpha", "beta", "let", "zeta", "let", "iota", "fn", "xi", "omicron"]
        );
    }

    #[test]
    fn counts_lines() {
        let lines: Vec<usize> =
            read("a\n/* \n */ b\n\"\n\" c").iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn ends_before_the_tests() {
        let tokens = read("fn a() {} #[cfg(test)] mod tests { use std::vec; }");
        assert!(!before_tests(&tokens).iter().any(|(_, token)| *token == Token::Name("std")));
        assert_eq!(before_tests(&read("#[cfg(test)] use a; b")).len(), 11);
    }
}
