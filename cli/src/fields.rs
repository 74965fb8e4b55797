//! Fields as people type them: their names, their forms, and what is wrong with them.

use anyhow::{Context as _, Result, bail};
use countersign_custody::{FieldType, Presence, RECEIVER, Step};
use countersign_ledger::{Day, Fields, Hash, Identity, Value};

/// The fields of a statement, from `NAME=VALUE`.
pub fn read(step: &Step, given: &[String]) -> Result<Fields> {
    let mut fields = Fields::new();
    for field in given {
        let (name, value) = field
            .split_once('=')
            .with_context(|| format!("`{field}` is no field: write NAME=VALUE, such as reason=particles"))?;
        let known = step.fields.get(name).map(|rule| rule.kind);
        let kind = match known {
            Some(kind) => kind,
            None if name == RECEIVER && step.receiver.is_some() => FieldType::Identity,
            None => bail!("`{}` has no field `{name}`; it has {}", step.kind, names(step)),
        };
        let value = parse(kind, value)
            .with_context(|| format!("the field `{name}` is {}, and not `{value}`", form(kind)))?;
        fields.insert(name, value);
    }
    Ok(fields)
}

/// The fields that a person gives, by name and form, the receiver first; those that the command fills in are none.
pub fn typed(step: &Step) -> Vec<(String, String, Presence)> {
    let to = step.receiver.as_ref().map(|rule| {
        let example =
            format!("spiffe://meds.example/{}/northwind", rule.roles.first().map_or("role", |role| role));
        (
            RECEIVER.to_owned(),
            format!("SPIFFE ID of {}, such as {example}", rule.roles.join(" or ")),
            Presence::Required,
        )
    });
    let own = step.fields.iter().filter(|(name, _)| !step.is_derived(name));
    let own = own.map(|(name, rule)| (name.clone(), form(rule.kind).to_owned(), rule.presence));
    to.into_iter().chain(own).collect()
}

fn names(step: &Step) -> String {
    let names: Vec<String> = typed(step).into_iter().map(|(name, ..)| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The form of a field's value, with an example.
const fn form(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Text => "text",
        FieldType::Uint => "a whole number, such as 40",
        FieldType::Time => "a day, such as 2028-11-30: its end is meant",
        FieldType::Digest | FieldType::Chain => {
            "a SHA-256: 64 hexadecimal digits, as `sha256sum` prints them"
        }
        FieldType::Bytes => "bytes in pairs of hexadecimal digits, such as 0aff",
        FieldType::Identity => "a SPIFFE ID, such as spiffe://meds.example/supplier/northwind",
    }
}

fn parse(kind: FieldType, value: &str) -> Result<Value> {
    Ok(match kind {
        FieldType::Text => Value::Text(value.to_owned()),
        FieldType::Identity => Value::Text(Identity::parse(value)?.as_str().to_owned()),
        FieldType::Uint => Value::Uint(value.parse()?),
        FieldType::Time => Value::Uint(value.parse::<Day>()?.ends().0),
        FieldType::Digest | FieldType::Chain => value.parse::<Hash>()?.into(),
        FieldType::Bytes => Value::Bytes(base16ct::mixed::decode_vec(value)?),
    })
}

#[cfg(test)]
mod tests {
    use countersign_custody::Profile;
    use countersign_ledger::Kind;

    use super::*;

    fn step(kind: &str) -> &'static Step {
        let kind = Kind::new(kind).unwrap();
        Profile::of_kind(Profile::all(), &kind).and_then(|profile| profile.step(&kind)).unwrap()
    }

    #[test]
    fn a_field_of_another_form_is_refused_with_the_form_and_an_example() {
        for (kind, field, wants) in [
            ("medicine.material-request", "to=northwind", "such as spiffe://"),
            ("medicine.material", "produced=30.11.2026", "such as 2028-11-30"),
            ("medicine.trial", "trial=ab", "64 hexadecimal digits"),
            ("medicine.sales-status", "sold=many", "such as 40"),
            ("medicine.recall", "reason", "NAME=VALUE, such as"),
            ("medicine.recall", "why=particles", "it has `reason`"),
        ] {
            let error = format!("{:#}", read(step(kind), &[field.to_owned()]).unwrap_err());
            assert!(error.contains(wants), "{field}: {error}");
        }
    }

    #[test]
    fn what_the_command_fills_in_is_not_asked_of_anybody() {
        let names = |kind| typed(step(kind)).into_iter().map(|(name, ..)| name).collect::<Vec<_>>();
        assert_eq!(names("medicine.commission"), ["expiry"]);
        assert_eq!(names("medicine.pack"), [""; 0]);
        assert_eq!(names("medicine.approval"), ["to", "product"]);
    }
}
