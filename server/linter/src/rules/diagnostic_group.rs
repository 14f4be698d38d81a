//! What editors call several settings that one container, or one pod, lacks. It is no rule: it gathers what rules found.
//!
//! Promise: the page says what a person who meets the name needs, and where to go from there.

use crate::rules::Page;

/// The name of a group of findings in an editor.
#[derive(Debug)]
pub struct Group {
    pub id: &'static str,
    pub(super) standing: &'static str,
    docs: &'static str,
}

pub static MISSING_HARDENING: Group = Group {
    id: "missing-hardening",
    standing: "No rule: what editors show in the place of several findings about one container or pod.",
    docs: DOCS,
};

impl Group {
    pub fn about(&self) -> Page {
        Page {
            id: self.id,
            docs: self.docs,
            rule: None,
        }
    }
}

const DOCS: &str = "\
Several hardening settings that one container, or one pod, lacks.

## Why

A container that says nothing about its security lacks half a dozen settings. Each has a rule of its own, with its own reason and its
own fix; one mark for each of them on the same word would bury what is written and wrong. So an editor shows one for all that is
absent, as grave as the gravest of them. It lists the settings, and its related information has what each rule says. A value that is
written and wrong always has a mark of its own.

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

The name `web` has one mark: *container \"web\" lacks 7 hardening settings*. The `spec` of the pod has another one, for what a single
setting there gives to every container.

## What the fixes change

- *Add N missing settings* writes what can be added without a person's judgement, in one step.
- The same with a remark in brackets writes also what some images do not bear.
- Below stand the fixes of the single rules.
- *Harden container* and *Harden Deployment*, from anywhere inside, mend what is written and wrong too.

## How to see every finding by itself

Set `grouping` to `rule` in the settings of the editor: `{ \"kubeharden\": { \"grouping\": \"rule\" } }`. `kubeharden check` lists every
finding by itself in any case, in every format.
";
