//! Short names for what crosses between the module and its JavaScript.
//!
//! wasm-bindgen names each import with a hash, which does not compress, in the module and again in
//! the JavaScript: with short names both together are 2 KB smaller, compressed.

use walrus::Module;

/// Old names and new ones, in the order of the module.
#[derive(Default)]
pub(crate) struct Names {
    imports: Vec<(String, String)>,
    exports: Vec<(String, String)>,
}

/// Renames all imports and exports but the memory.
pub(crate) fn shorten(module: &mut Module) -> Names {
    let mut names = Names::default();
    for import in module.imports.iter_mut() {
        let short = letters(names.imports.len());
        names.imports.push((std::mem::replace(&mut import.name, short.clone()), short));
    }
    for export in module.exports.iter_mut().filter(|export| export.name != "memory") {
        let short = letters(names.exports.len());
        names.exports.push((std::mem::replace(&mut export.name, short.clone()), short));
    }
    names
}

impl Names {
    /// The same JavaScript with the new names.
    ///
    /// # Errors
    /// An import that the JavaScript does not define.
    pub(crate) fn rewrite(&self, script: &str) -> Result<String, String> {
        let mut script = script.to_string();
        for (old, new) in &self.imports {
            let (entry, short) = (format!("\n        {old}: "), format!("\n        {new}: "));
            if !script.contains(&entry) {
                return Err(format!("the JavaScript defines no import '{old}'"));
            }
            script = script.replace(&entry, &short);
        }
        for (old, new) in &self.exports {
            script = replace_word(&script, &format!("wasm.{old}"), &format!("wasm.{new}"));
        }
        Ok(script)
    }
}

/// Replaces `old` where no longer name begins with it.
fn replace_word(script: &str, old: &str, new: &str) -> String {
    let mut parts = script.split(old);
    let mut text = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let goes_on = part.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        text.push_str(if goes_on { old } else { new });
        text.push_str(part);
    }
    text
}

/// `a` to `z`, then `aa`, `ba` and so on.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.extend(char::from_digit(10 + u32::try_from(number % 26).unwrap_or(0), 36));
        if number < 26 {
            return text;
        }
        number = number / 26 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_and_differ() {
        let names: Vec<String> = (0..800).map(letters).collect();
        assert_eq!([&names[0], &names[25], &names[26]], ["a", "z", "aa"]);
        assert!((1..names.len()).all(|index| !names[..index].contains(&names[index])));
    }

    #[test]
    fn only_whole_names_are_replaced() {
        let names = Names {
            imports: vec![("__wbg_x_1".into(), "a".into())],
            exports: vec![("send".into(), "b".into()), ("sendAll".into(), "c".into())],
        };
        let script = "\n        __wbg_x_1: f, wasm.send(wasm.sendAll)";
        assert_eq!(names.rewrite(script).as_deref(), Ok("\n        a: f, wasm.b(wasm.c)"));
        assert!(names.rewrite("nothing").is_err());
    }
}
