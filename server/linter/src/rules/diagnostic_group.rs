//! The group that editors show instead of several findings about missing settings of one container
//! or pod.

use super::docs::{Page, Subject};

/// A group of findings in an editor, with its page.
#[derive(Debug)]
pub struct Group {
    pub id: &'static str,
    subtitle: &'static str,
    docs: &'static str,
}

pub static MISSING_HARDENING: Group = Group {
    id: "missing-hardening",
    subtitle: "Not a rule: the group that editors show instead of several findings about one container or pod.",
    docs: DOCS,
};

impl Group {
    pub fn about(&self) -> Page {
        Page {
            id: self.id,
            docs: self.docs,
            subject: Subject::Other {
                subtitle: self.subtitle,
            },
        }
    }
}

const DOCS: &str = "\
Several hardening settings that one container or pod does not set.

## Why

A container without a security context lacks half a dozen settings. Each has its own rule, with its own reason and fix. One
diagnostic for each of them at the same place would hide the wrong values. So an editor shows one diagnostic for all missing
settings, with the highest severity among them. It lists the settings, and its related information has the message of each rule.
A wrong value always has its own diagnostic.

## Example

```yaml
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: registry.example.com/web:1.4
```

The name `web` has one diagnostic: *container \"web\" lacks 7 hardening settings*. The pod's `spec` has another one, for the
settings that apply to every container.

## What the fixes change

- *Add N missing settings* applies all safe fixes of the group in one step.
- The same with a remark in parentheses also applies fixes that may break some images.
- The fixes of the individual rules follow.
- *Harden container* and *Harden Deployment*, from anywhere inside, also fix wrong values.

## How to see every finding separately

Set `grouping` to `rule` in the settings of the editor: `{ \"kubeharden\": { \"grouping\": \"rule\" } }`. `kubeharden check`
always lists every finding separately, in every format.
";
