//! The names, kinds and documentation of the keys, taken from the types.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// What a key takes, as far as reading it from one text needs to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    List,
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// What stands in the reference as its form.
    pub(super) form: String,
    /// The doc comment.
    pub(super) text: String,
    pub(super) required: bool,
}

/// The keys of `T` in the order they are declared.
pub(super) fn keys<T: JsonSchema>() -> Vec<Key> {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let key = |(name, schema): (String, Value)| Key {
        kind: kind(&schema),
        form: form(&schema),
        text: schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned(),
        required: required.iter().any(|required| required.as_str() == Some(&name)),
        name,
    };
    properties.into_iter().map(key).collect()
}

/// The types a schema names; an optional key's `null` left out.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    }
}

fn kind(schema: &Value) -> Kind {
    // A key that takes a text besides something else reads the something else from a text, too.
    match types(schema).first() {
        Some(&"boolean") => Kind::Boolean,
        Some(&"integer") => Kind::Integer,
        Some(&"array") => Kind::List,
        _ => Kind::Text,
    }
}

fn form(schema: &Value) -> String {
    if let Some(words) = words(schema) {
        return words.join(" or ");
    }
    let own = schema.get("format").and_then(Value::as_str);
    match (kind(schema), own) {
        (Kind::Boolean, _) => "true or false".to_owned(),
        (Kind::Integer, _) => "number".to_owned(),
        (Kind::List, _) => match schema.get("items").map(form).as_deref() {
            Some("text") | None => "list of texts".to_owned(),
            Some(item) => format!("list of {item}s"),
        },
        (Kind::Text, Some(form)) => form.to_owned(),
        (Kind::Text, None) => "text".to_owned(),
    }
}

/// The words a key chooses among, quoted.
fn words(schema: &Value) -> Option<Vec<String>> {
    let of_variant = |variant: &Value| variant.get("const").and_then(Value::as_str).map(str::to_owned);
    let words: Vec<String> = match (schema.get("oneOf"), schema.get("enum")) {
        (Some(Value::Array(variants)), _) => variants.iter().filter_map(of_variant).collect(),
        (_, Some(Value::Array(words))) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => return None,
    };
    (!words.is_empty()).then(|| words.iter().map(|word| format!("\"{word}\"")).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tables::{Limits, Log, Route, Rtp, Sip};
    use super::*;

    #[test]
    fn keys_come_in_the_order_of_the_type() {
        let names: Vec<String> = keys::<Rtp>().into_iter().map(|key| key.name).collect();
        assert_eq!(names, ["ports", "grid", "workers", "silence_timeout", "held_timeout", "rest", "dscp"]);
    }

    #[test]
    fn kinds_and_forms() {
        let find = |keys: Vec<Key>, name: &str| keys.into_iter().find(|key| key.name == name).unwrap();
        assert_eq!(find(keys::<Sip>(), "listen").kind, Kind::List);
        assert_eq!(find(keys::<Sip>(), "listen").form, "list of listeners");
        assert_eq!(find(keys::<Sip>(), "trace").kind, Kind::Boolean);
        assert_eq!(find(keys::<Sip>(), "advertise").kind, Kind::Text);
        assert_eq!(find(keys::<Limits>(), "calls").kind, Kind::Integer);
        assert_eq!(find(keys::<Log>(), "format").form, "\"text\" or \"json\"");
        assert!(find(keys::<Route>(), "match").required);
        assert!(!find(keys::<Route>(), "from").required);
    }
}
