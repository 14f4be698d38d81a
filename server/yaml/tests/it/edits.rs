//! Edits: the result of each change, the rejected ones with their reasons, and invariants for every
//! document.
//!
//! Each example is also tested with `\r\n`, with a lone `\r`, with a byte order mark, and without
//! its final line break.

#![allow(
    clippy::print_stdout,
    reason = "it prints its figures, and what it skips"
)]

use yaml::edit::{Change, KeyOrder, Value, plan, plan_in_order};
use yaml::{Path, Step, parse};

mod examples {
    use super::*;

    #[test]
    fn set_appends_an_entry() {
        becomes(
            "
spec:
  containers:
    - name: web
      image: nginx
  restartPolicy: Always
",
            [
                set("spec.hostNetwork", false),
                set("spec.containers[0].tty", false),
            ],
            "
spec:
  containers:
    - name: web
      image: nginx
      tty: false
  restartPolicy: Always
  hostNetwork: false
",
        );
    }

    #[test]
    fn set_creates_missing_mappings() {
        becomes(
            "
spec:
  containers:
    - name: web
",
            [
                set("spec.containers[0].securityContext.runAsNonRoot", true),
                set("spec.containers[0].securityContext.runAsUser", 1000),
                set(
                    "spec.containers[0].securityContext.capabilities.drop",
                    list(["ALL"]),
                ),
                set("spec.containers[0].securityContext.runAsNonRoot", true),
            ],
            "
spec:
  containers:
    - name: web
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        capabilities:
          drop:
            - ALL
",
        );
    }

    #[test]
    fn mapping_over_quoted_scalar_has_plain_keys() {
        for (before, after) in [
            ("a: {b: x, c: \"y\"}\n", "a: {b: x, c: {d: z}}\n"),
            (
                "a: {\"b\": \"x\", \"c\": \"y\"}\n",
                "a: {\"b\": \"x\", \"c\": {\"d\": \"z\"}}\n",
            ),
        ] {
            let value = Value::Mapping(vec![("d".to_owned(), Value::Text("z".to_owned()))]);
            becomes(
                before,
                [Change::Set {
                    path: ["a", "c"].map(Step::Key).into_iter().collect(),
                    value,
                }],
                after,
            );
        }
    }

    #[test]
    fn set_fills_empty_values() {
        for empty in ["", " {}", " { }", " null", " ~", "   {}"] {
            becomes(
                &format!("a:{empty}\nb: 1\n"),
                [set("a.x", true), set("a.w.z", 1)],
                "
a:
  x: true
  w:
    z: 1
b: 1
",
            );
            becomes(
                &format!("b: 1\na:{empty} # why\n"),
                [set("a.x", true)],
                "
b: 1
a: # why
  x: true
",
            );
        }
    }

    #[test]
    fn set_in_single_line_flow() {
        for (before, after) in [
            ("{a: 1}", "{a: 1, b: true}"),
            ("{ a: 1 }", "{ a: 1, b: true }"),
            ("{a: 1,}", "{a: 1, b: true,}"),
            ("{ a: 1, }", "{ a: 1, b: true, }"),
            ("{ a: 1 , }", "{ a: 1 , b: true, }"),
            ("{a: }", "{a:, b: true }"),
            ("{a: [1, 2]} # c", "{a: [1, 2], b: true} # c"),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": true}"#),
        ] {
            becomes(
                &format!("m: {before}\n"),
                [set("m.b", true)],
                &format!("m: {after}\n"),
            );
        }
        becomes(
            "m: { a: 1 }\n",
            [set("m.b.c", "x"), set("m.b.d", list(["A"]))],
            "m: { a: 1, b: { c: x, d: [A] } }\n",
        );
        becomes(
            "m: {a: [x]}\n",
            [set("m.b", "nginx:1"), append("m.a", "y, z")],
            "m: {a: [x, \"y, z\"], b: nginx:1}\n",
        );
        becomes(r#"{"a": {}}"#, [set("a.b", "x")], r#"{"a": {"b": "x"}}"#);
    }

    #[test]
    fn set_in_multi_line_flow() {
        becomes(
            "
m: {
  a: 1,
  b: 2 # two
  }
n: {
    a: 1,
    b: 2, # two
}
o: {a: 1,
    b: 2}
",
            [
                set("m.c", true),
                set("n.c", true),
                set("n.d", 1),
                set("o.c", true),
            ],
            "
m: {
  a: 1,
  b: 2, # two
  c: true
  }
n: {
    a: 1,
    b: 2, # two
    c: true,
    d: 1,
}
o: {a: 1,
    b: 2, c: true}
",
        );
    }

    #[test]
    fn set_in_json() {
        becomes(
            r#"{
    "spec": {
        "hostPID": true
    }
}
"#,
            [
                set("spec.hostPID", false),
                set("spec.securityContext.runAsNonRoot", true),
            ],
            r#"{
    "spec": {
        "hostPID": false,
        "securityContext": {
            "runAsNonRoot": true
        }
    }
}
"#,
        );
    }

    #[test]
    fn set_in_kyaml() {
        becomes(
            r#"---
{
  kind: "Pod",
  spec: {
    containers: [{
      name: "web",
    }],
  },
}
"#,
            [
                set(
                    "spec.containers[0].securityContext.capabilities.drop",
                    list(["ALL"]),
                ),
                set("spec.securityContext.seccompProfile.type", "RuntimeDefault"),
                set("spec.securityContext.runAsNonRoot", true),
            ],
            r#"---
{
  kind: "Pod",
  spec: {
    containers: [{
      name: "web",
      securityContext: {
        capabilities: {
          drop: [
            "ALL",
          ],
        },
      },
    }],
    securityContext: {
      seccompProfile: {
        type: "RuntimeDefault",
      },
      runAsNonRoot: true,
    },
  },
}
"#,
        );
    }

    #[test]
    fn new_keys_are_added_in_order() {
        const ORDER: KeyOrder = KeyOrder(&[&["one", "two", "three"], &["image", "policy"]]);
        let becomes = |before: &str, keys: &[&str], after: &str| {
            let changes: Vec<Change> = keys.iter().map(|key| set(key, 1)).collect();
            let text = |changes: &[Change], text: &str| {
                let edits = plan_in_order(&parse(text), changes, ORDER).unwrap();
                edits.apply(text)
            };
            assert_eq!(text(&changes, before), after, "{before} together");
            for changes in [changes.clone(), changes.into_iter().rev().collect()] {
                let one = |text_before: String, change: &Change| {
                    text(std::slice::from_ref(change), &text_before)
                };
                let result = changes.iter().fold(before.to_owned(), one);
                assert_eq!(result, after, "{before} one after the other");
            }
        };
        becomes(
            "a: 0\n",
            &["three", "one", "two"],
            "a: 0\none: 1\ntwo: 1\nthree: 1\n",
        );
        becomes(
            "image: x # why\n# about z\nz: 0\n",
            &["policy"],
            "image: x # why\npolicy: 1\n# about z\nz: 0\n",
        );
        becomes(
            "# about three\nthree: 0\nz: 0\n",
            &["two", "one"],
            "one: 1\ntwo: 1\n# about three\nthree: 0\nz: 0\n",
        );
        becomes("three: 0\none: 0", &["two"], "three: 0\none: 0\ntwo: 1");
        becomes("one: 0\r\nz: 0", &["two"], "one: 0\r\ntwo: 1\r\nz: 0");
        becomes(
            "one: |\n  text\nz: 0\n",
            &["two"],
            "one: |\n  text\ntwo: 1\nz: 0\n",
        );
        becomes(
            "{image: x, z: 0}",
            &["policy"],
            "{image: x, policy: 1, z: 0}",
        );
        becomes(
            "{three: 0, z: 0}",
            &["two", "one"],
            "{one: 1, two: 1, three: 0, z: 0}",
        );
        becomes(
            "{\n  image: x,\n  z: 0\n}",
            &["policy"],
            "{\n  image: x,\n  policy: 1,\n  z: 0\n}",
        );
        becomes(
            "{\n  three: 0, # why\n}",
            &["one"],
            "{\n  one: 1,\n  three: 0, # why\n}",
        );
    }

    #[test]
    fn new_keys_before_the_first_of_an_item() {
        const ORDER: KeyOrder = KeyOrder(&[&["one", "two"]]);
        let text = "a:\n  - two: 0\n    z: 0\n";
        let edits = plan_in_order(&parse(text), &[set("a[0].one", 1)], ORDER).unwrap();
        assert_eq!(edits.apply(text), "a:\n  - one: 1\n    two: 0\n    z: 0\n");
    }

    #[test]
    fn new_lines_begin_on_the_next_line() {
        let text = "a:\n  b: 1\nc: 2\n";
        let edits = plan(&parse(text), &[set("a.d", 3)]).unwrap();
        let [edit] = edits.as_slice() else {
            panic!("{edits:?}")
        };
        assert_eq!(
            (edit.range.start().into(), edit.insert.as_str()),
            (10_usize, "  d: 3\n")
        );
    }

    #[test]
    fn equal_changes_count_once() {
        let one = || map([("c", Value::Integer(1))]);
        becomes(
            "a: [x]\n",
            [append("a", "y z"), append("a", "y z")],
            "a: [x, y z]\n",
        );
        becomes(
            "a: 1\n",
            [set("b", one()), set("b.c", 1), set("b", one())],
            "a: 1\nb:\n  c: 1\n",
        );
    }

    #[test]
    fn set_nested_lists() {
        let volume = map([("name", Value::Text("tmp".into())), ("emptyDir", map([]))]);
        let nested = Value::Sequence(vec![
            list(["a", "b"]),
            Value::Sequence(vec![volume.clone(), Value::Bool(true)]),
        ]);
        becomes(
            "
spec:
  containers:
  - name: web
",
            [
                set("spec.volumes", Value::Sequence(vec![volume.clone()])),
                set("spec.nested", nested),
                append("spec.containers", volume),
            ],
            "
spec:
  containers:
  - name: web
  - name: tmp
    emptyDir: {}
  volumes:
  - name: tmp
    emptyDir: {}
  nested:
  - - a
    - b
  - - name: tmp
      emptyDir: {}
    - true
",
        );
    }

    #[test]
    fn append_in_json() {
        becomes(
            r#"{"env": [{"name": "one"}], "args": [], "more": []}"#,
            [
                append("env", map([("name", Value::Text("two".into()))])),
                append("args", "x"),
                append("more", map([])),
            ],
            r#"{"env": [{"name": "one"}, {"name": "two"}], "args": ["x"], "more": [{}]}"#,
        );
    }

    #[test]
    fn set_keeps_the_indentation() {
        becomes(
            "
metadata:
    labels:
        app: web
spec:
    containers:
        -   name: web
",
            [
                set(
                    "spec.containers[0].securityContext.capabilities.drop",
                    list(["ALL"]),
                ),
                set("spec.securityContext.a", 1),
            ],
            "
metadata:
    labels:
        app: web
spec:
    containers:
        -   name: web
            securityContext:
                capabilities:
                    drop:
                        - ALL
    securityContext:
        a: 1
",
        );
    }

    #[test]
    fn set_keeps_the_list_form() {
        becomes(
            "
spec:
  containers:
  - name: web
    args:
    - serve
",
            [set(
                "spec.containers[0].securityContext.capabilities.drop",
                list(["ALL", "on"]),
            )],
            r#"
spec:
  containers:
  - name: web
    args:
    - serve
    securityContext:
      capabilities:
        drop:
        - ALL
        - "on"
"#,
        );
        for (old, new) in [
            ("[a, b]", "[ALL]"),
            (r#"["a"]"#, r#"["ALL"]"#),
            ("['a']", "['ALL']"),
        ] {
            becomes(
                &format!("spec:\n  args: {old}\n"),
                [set("spec.drop", list(["ALL"]))],
                &format!("spec:\n  args: {old}\n  drop: {new}\n"),
            );
        }
    }

    #[test]
    fn set_prefers_the_style_of_the_same_key() {
        becomes(
            "
a:
  args:
    - one
  command:
    - two
  drop: [ALL]
b: {}
",
            [set("b.drop", list(["ALL"])), set("b.args", list(["x"]))],
            "
a:
  args:
    - one
  command:
    - two
  drop: [ALL]
b:
  drop: [ALL]
  args:
    - x
",
        );
    }

    #[test]
    fn set_quotes_where_needed() {
        becomes(
            "a: 1\n",
            [
                set("b", "yes"),
                set("c", "8080"),
                set("d", ""),
                set("e", "a: b"),
                set("f", "a#b"),
                set("g", "x\ny"),
                set("on", "--a"),
            ],
            r#"
a: 1
b: "yes"
c: "8080"
d: ""
e: "a: b"
f: a#b
g: "x\ny"
"on": --a
"#,
        );
        becomes(
            "a: 'x'\n",
            [set("b", "yes"), set("a", "it's")],
            "a: 'it''s'\nb: 'yes'\n",
        );
    }

    #[test]
    fn set_over_a_scalar() {
        becomes(
            r#"
a: true # why
b: "nginx:1" # which
c:
  deep
d: |  # text
  one
  two
# after
e: plain
  over lines # end
f: 1
"#,
            [
                set("a", false),
                set("b", "nginx:2"),
                set("c", "shallow"),
                set("d", "three"),
                set("e", 1),
                set("f", map([("x", Value::Integer(1))])),
            ],
            r#"
a: false # why
b: "nginx:2" # which
c:
  shallow
d: three  # text
# after
e: 1 # end
f:
  x: 1
"#,
        );
    }

    #[test]
    fn set_over_a_collection() {
        becomes(
            "
a: # one
  b: 1
  c:
    - 2
d: [x, y] # two
e:
  - x
  - y
f: {a: {b: 1}}
g:
- a: 1
  b: 2
- c
",
            [
                set("a", "none"),
                set("d", list(["z"])),
                set("e", list(["z"])),
                set("f.a", false),
                set("g[0]", "x"),
                set(
                    "g[1]",
                    map([("p", Value::Integer(1)), ("q", Value::Integer(2))]),
                ),
            ],
            "
a: none # one
d: [z] # two
e:
  - z
f: {a: false}
g:
- x
- p: 1
  q: 2
",
        );
    }

    #[test]
    fn set_over_anchors_and_tags() {
        becomes(
            "
a: !!str 1 # one
b: &b # two
  c: 1
d: &d [x]
e: &e
  - x
",
            [
                set("a", 1),
                set("b", list(["x"])),
                set("d", false),
                set("e", "none"),
            ],
            "
a: 1 # one
b: # two
  - x
d: false
e: none
",
        );
    }

    #[test]
    fn trailing_comments_and_blanks_stay() {
        becomes(
            "
spec:
  a: 1 # one

  # about b
  b:
    c: 2 # two
    # was: 3

# about d
d: 4 # four
# the end
",
            [set("spec.b.x", 1), set("spec.w", 2), set("z", 3)],
            "
spec:
  a: 1 # one

  # about b
  b:
    c: 2 # two
    x: 1
    # was: 3
  w: 2

# about d
d: 4 # four
z: 3
# the end
",
        );
    }

    #[test]
    fn set_after_multi_line_values() {
        for value in [
            "|\n    one\n\n    two",
            ">-\n    one\n    two",
            "plain\n    over\n    lines",
            "\"quoted\n    over\n    lines\" # c",
            "[a,\n    b\n  ] # c",
            "\n    # inside\n    - x",
        ] {
            becomes(
                &format!("m:\n  k: {value}\n\n# end\n"),
                [set("m.b", true)],
                &format!("m:\n  k: {value}\n  b: true\n\n# end\n"),
            );
        }
        becomes_as_it_is(
            "m:\n  k: |+\n    one\n\n\nn: 1\n",
            [set("m.b", true)],
            "m:\n  k: |+\n    one\n\n\n  b: true\nn: 1\n",
        );
        becomes_as_it_is(
            "m:\n  k: |+\n    one\n\n",
            [set("m.b", true)],
            "m:\n  k: |+\n    one\n\n  b: true\n",
        );
    }

    #[test]
    fn set_next_to_multi_byte_characters() {
        becomes(
            "
größe: \"日本\" # 🙂
🙂:
  ü: é
",
            [set("🙂.ñ", "ß"), set("größe", "小")],
            "
größe: \"小\" # 🙂
🙂:
  ü: é
  ñ: ß
",
        );
    }

    #[test]
    fn set_between_markers() {
        becomes(
            "--- # one\na: 1\n...\n",
            [set("b", 2)],
            "--- # one\na: 1\nb: 2\n...\n",
        );
        becomes(
            "# one\n---\na:\n...\n",
            [set("a.b", 2)],
            "# one\n---\na:\n  b: 2\n...\n",
        );
    }

    #[test]
    fn set_of_existing_value_gives_no_edits() {
        becomes(
            "
a: yes
b: [ALL]
c: &x {d: 1}
e: *x
",
            [
                set("a", true),
                set("b", list(["ALL"])),
                set("c.d", 1),
                set("e", map([("d", Value::Integer(1))])),
                remove("nowhere.at.all"),
            ],
            "
a: yes
b: [ALL]
c: &x {d: 1}
e: *x
",
        );
    }

    #[test]
    fn append_adds_an_item() {
        becomes(
            r#"
a:
- one # 1
# end of a
b:
  -  name: x
c: [one, two]
d: ["one"]
e: []
f:
g: null # none
h: [
  one,
  two
]
i: [] # none
k:
  - "one"
"#,
            [
                append("a", "two"),
                append(
                    "b",
                    map([
                        ("name", Value::Text("two".into())),
                        ("value", Value::Text("three".into())),
                    ]),
                ),
                append("c", "three"),
                append("d", "two"),
                append("e", "one"),
                append("f", "one"),
                append("g", map([("name", Value::Text("two".into()))])),
                append("h", "three"),
                append("i", map([("name", Value::Text("two".into()))])),
                append("k", "two"),
                append("l.m", 1),
            ],
            r#"
a:
- one # 1
- two
# end of a
b:
  -  name: x
  -  name: two
     value: three
c: [one, two, three]
d: ["one", "two"]
e: [one]
f: [one]
g: # none
  - name: two
h: [
  one,
  two,
  three
]
i: # none
  - name: two
k:
  - "one"
  - "two"
l:
  m: [1]
"#,
        );
    }

    #[test]
    fn remove_deletes_whole_lines() {
        becomes(
            "
# head
a: 1 # one
# about b
b:
  c: 2
  # in b
  d: 3

e: |
  text
f: 4
# end
",
            [remove("a"), remove("b"), remove("e")],
            "
# head
# about b

f: 4
# end
",
        );
        becomes("a: 1\nb: 2\n", [remove("a")], "b: 2\n");
        becomes("a: 1\nb: 2\n", [remove("b")], "a: 1\n");
        becomes(
            "a: 1\n\nb: 2\n\nc: 3\n",
            [remove("b"), remove("c")],
            "a: 1\n",
        );
        becomes(
            "a:\n  x: 1\n\n  b: 2\n\nc: 3\n",
            [remove("a.b")],
            "a:\n  x: 1\n\n\nc: 3\n",
        );
    }

    #[test]
    fn remove_behind_a_dash() {
        becomes(
            "
ports:
  - hostPort: 80 # why
    # which
    containerPort: 8080
  - hostPort: 81
    hostIP: 127.0.0.1

    containerPort: 8081
  - containerPort: 8082
    hostPort: 82
",
            [
                remove("ports[0].hostPort"),
                remove("ports[1].hostPort"),
                remove("ports[1].hostIP"),
                remove("ports[2].hostPort"),
            ],
            "
ports:
  - # which
    containerPort: 8080
  - containerPort: 8081
  - containerPort: 8082
",
        );
    }

    #[test]
    fn remove_deletes_empty_parents() {
        becomes(
            "
spec:
  securityContext:
    sysctls:
      - name: x
  containers:
    - name: a
    - securityContext:
        privileged: true
      name: b
    - tty: true
    - tty: true
# end
",
            [
                remove("spec.securityContext.sysctls[0].name"),
                remove("spec.containers[1].securityContext.privileged"),
                remove("spec.containers[2].tty"),
                remove("spec.containers[3]"),
            ],
            "
spec:
  containers:
    - name: a
    - name: b
# end
",
        );
    }

    #[test]
    fn remove_from_flow() {
        becomes(
            "
a: {x: 1, y: 2, z: 3}
b: { x: 1, y: 2 }
c: [1, 2, 3,]
d: {x: 1} # gone
e: {
  x: 1, # one
  y: 2, # two
  z: 3 # three
}
f: [
  1,
  2 # two
]
",
            [
                remove("a.y"),
                remove("a.x"),
                remove("b.y"),
                remove("c[2]"),
                remove("d.x"),
                remove("e.y"),
                remove("f[1]"),
            ],
            "
a: {z: 3}
b: { x: 1 }
c: [1, 2,]
e: {
  x: 1, # one
  z: 3 # three
}
f: [
  1
]
",
        );
    }

    #[test]
    fn remove_and_set_in_one_mapping() {
        becomes(
            "
a:
  x: 1 # one
b:
- y: 2
c: {z: 3}
d:
  p: 1
  q: 2
",
            [
                remove("a.x"),
                set("a.new", true),
                remove("b[0].y"),
                set("b[0].new", true),
                set("b[0].newer", true),
                remove("c.z"),
                set("c.new", true),
                remove("d.q"),
                set("d.new", true),
            ],
            "
a:
  new: true
b:
- new: true
  newer: true
c: {new: true}
d:
  p: 1
  new: true
",
        );
    }

    #[test]
    fn rename_changes_only_the_key() {
        becomes(
            r#"
a: 1 # one
"b": {c: 2, 'd': 3}
e:
- f: 4
  g: 5
"#,
            [
                rename("a", "x"),
                rename("b", "y"),
                rename("b.c", "z"),
                rename("b.d", "it's"),
                rename("e[0].f", "no"),
            ],
            r#"
x: 1 # one
"y": {z: 2, 'it''s': 3}
e:
- "no": 4
  g: 5
"#,
        );
    }

    #[test]
    fn move_keeps_lines_and_comments() {
        becomes(
            "
spec:
  # why so
  # and so
  securityContext: # here
    # inside
    runAsNonRoot: true
    text: |
      one
        two

      three
    list:
    - a # last

  # about containers
  containers:
  - privileged: true # bad
    name: web
",
            [
                move_to("spec.securityContext", "spec.template.spec.podSecurity"),
                move_to(
                    "spec.containers[0].privileged",
                    "spec.containers[0].securityContext.privileged",
                ),
            ],
            "
spec:

  # about containers
  containers:
  - name: web
    securityContext:
      privileged: true # bad
  template:
    spec:
      # why so
      # and so
      podSecurity: # here
        # inside
        runAsNonRoot: true
        text: |
          one
            two

          three
        list:
        - a # last
",
        );
        becomes(
            "
a:
    b:
        c: 1
        # own
        d: [x,
            y]
",
            [move_to("a.b.d", "d"), move_to("a.b.c", "c")],
            "
# own
d: [x,
    y]
c: 1
",
        );
    }

    #[test]
    fn move_from_first_line() {
        becomes(
            "# one\n# two\na: 1 # three\nb:\n  c: 1\n",
            [move_to("a", "x.w")],
            "b:\n  c: 1\nx:\n  # one\n  # two\n  w: 1 # three\n",
        );
    }

    #[test]
    fn move_between_flow_mappings() {
        becomes("a: !x 1\n", [move_to("a", "b.c")], "b:\n  c: !x 1\n");
        becomes(
            "a: {b: 1, c: {d: 2}} # c\ne: {f: 3}\ng: x\n",
            [move_to("a.c", "c"), move_to("g", "e.g")],
            "a: {b: 1} # c\ne: {f: 3, g: x}\nc: {d: 2}\n",
        );
    }
}

mod refusals {
    use super::*;

    #[test]
    fn aliases_and_merges() {
        refused(
            "a: &x {b: 1}\nc: *x\n",
            [set("c.d", 1)],
            "the value comes from the alias *x (line 2)",
        );
        refused(
            "a: &x {b: 1}\nc: *x\n",
            [set("c", 1)],
            "the value comes from the alias *x (line 2)",
        );
        refused(
            "a: &x {b: 1}\nc: *x\n",
            [set("a.d", 1)],
            "a is shared through the anchor &x (line 1)",
        );
        refused(
            "a: &x {b: 1}\nc: *x\n",
            [remove("a")],
            "a is shared through the anchor &x (line 1)",
        );
        refused(
            "a: &x {b: {c: 1}}\nc:\n  <<: *x\n",
            [set("c.b.d", 1)],
            "the value comes from the alias *x (line 3)",
        );
        refused(
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            [set("c.b", 2)],
            "the value comes from the alias *x (line 3)",
        );
        let beside = [set("c.new", 1), set("c.b.d", 2)];
        refused(
            "a: &x {b: {e: 1}}\nc:\n  <<: *x\n  f: 1\n",
            beside,
            "the value comes from the alias *x (line 3)",
        );
        refused(
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            [remove("c.b")],
            "the value comes from the alias *x (line 3)",
        );
        refused(
            "a: &x\nc: *x\n",
            [set("a.b", 2)],
            "a is shared through the anchor &x (line 1)",
        );
        refused(
            "a: !x\n",
            [set("a.b", 2)],
            "an empty value has an anchor or a tag (line 1)",
        );
        becomes(
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            [set("c.d", 2)],
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2\n",
        );
        let hiding = "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n  d: 3\n";
        refused(hiding, [remove("c.b")], "b also comes from << (line 3)");
        refused(
            hiding,
            [rename("c.b", "e")],
            "b also comes from << (line 3)",
        );
        refused(
            hiding,
            [move_to("c.b", "e")],
            "b also comes from << (line 3)",
        );
        refused(
            hiding,
            [rename("c.d", "b"), remove("c.b")],
            "b also comes from << (line 3)",
        );
        becomes(
            hiding,
            [remove("c.d")],
            "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n",
        );
        becomes(
            hiding,
            [set("c.b", 3)],
            "a: &x {b: 1}\nc:\n  <<: *x\n  b: 3\n  d: 3\n",
        );
    }

    #[test]
    fn duplicates() {
        refused(
            "a: 1\nb: 2\na: 3\n",
            [set("c", 1)],
            "a is written twice (lines 1 and 3)",
        );
        refused(
            "m:\n  a: 1\n  a: 3\n",
            [set("m.a", 1)],
            "a is written twice (lines 2 and 3)",
        );
        becomes(
            "m:\n  a: 1\n  a: 3\n",
            [set("c", 1)],
            "m:\n  a: 1\n  a: 3\nc: 1\n",
        );
    }

    #[test]
    fn rejects_wrong_kinds() {
        refused(
            "a: text\n",
            [set("a.b", 1)],
            "a is a single value, not a mapping (line 1)",
        );
        refused(
            "\na:\n- b\n",
            [set("a.b", 1)],
            "a is a list, not a mapping (line 3)",
        );
        refused(
            "a: {}\n",
            [append("a", 1)],
            "a is a mapping, not a list (line 1)",
        );
        refused(
            "a: {}\n",
            [set("a[0].b", 1)],
            "a is a mapping, not a list (line 1)",
        );
        refused("a: []\n", [set("a[0].b", 1)], "there is nothing at a[0]");
        refused(
            "- a\n",
            [set("a", 1)],
            "the document is a list, not a mapping (line 1)",
        );
        refused(
            "- {a: 1}\n",
            [move_to("[0].a", "b")],
            "the document is a list, not a mapping (line 1)",
        );
        refused(
            "[a: 1]\n",
            [set("[0].b", 1)],
            "a list contains a pair without braces (line 1)",
        );
        refused("# nothing\n", [set("a", 1)], "the document is empty");
        refused(
            "a: 1\n",
            [remove("a")],
            "nothing would be left of the document",
        );
    }

    #[test]
    fn rejects_unusual_documents() {
        refused("a: 1\n\n b: [\n", [set("c", 1)], "line 3 is not valid YAML");
        refused(
            "a: {{ .Values.a }}\n",
            [set("c", 1)],
            "this document contains template syntax (line 1)",
        );
        refused(
            "b: 1\na: x\n  {{ .Values.a }}\n",
            [set("c", 1)],
            "this document contains template syntax (line 3)",
        );
        becomes(
            "a: '{{ x }}' # {{ y }}\nb: |\n  {{ z }}\n",
            [set("a", "b")],
            "a: 'b' # {{ y }}\nb: |\n  {{ z }}\n",
        );
        refused(
            "? a\n: 1\n",
            [set("c", 1)],
            "line 1 uses an explicit key (?)",
        );
        refused(
            "a: 1\nb: {c: 1, ? d : 2}\n",
            [set("b.e", 1)],
            "line 2 uses an explicit key (?)",
        );
        // The end of a comment or of a value is no mark.
        becomes(
            "# why?\na: ready? # really?\nb: 1\n",
            [set("c", 1)],
            "# why?\na: ready? # really?\nb: 1\nc: 1\n",
        );
        becomes(
            "a:\n  - ready?\nb: 1\n",
            [set("c", 1)],
            "a:\n  - ready?\nb: 1\nc: 1\n",
        );
        refused("[a]: 1\n", [set("c", 1)], "a key is not a scalar (line 1)");
        refused(
            "a:\n  b\n \tc\n",
            [set("b", 1)],
            "line 3 is indented with a tab",
        );
        becomes(
            "a: '\n \tx'\nb: 1\n",
            [set("c", 1)],
            "a: '\n \tx'\nb: 1\nc: 1\n",
        );
        refused("-\ta: 1\n", [set("[0].b", 1)], "line 1 is not valid YAML");
        becomes(
            "a: |\n  x\n  \ty\nb: 1\n",
            [set("c", 1)],
            "a: |\n  x\n  \ty\nb: 1\nc: 1\n",
        );
    }

    #[test]
    fn contradictions() {
        refused(
            "a: 1\n",
            [set("b", 1), set("b", 2)],
            "two changes want different values at b",
        );
        refused(
            "a: 1\n",
            [set("a", 1), set("a", 2)],
            "two changes want different values at a",
        );
        refused(
            "a: {b: 1}\n",
            [remove("a"), set("a.c", 2)],
            "two changes contradict each other at a",
        );
        refused(
            "a: {b: 1}\n",
            [set("a.c", 2), remove("a")],
            "two changes contradict each other at a",
        );
        refused(
            "a: 1\n",
            [set("b", 1), set("b.c", 2)],
            "two changes contradict each other at b",
        );
        refused(
            "a: 1\n",
            [set("b.c", 1), set("b", 2)],
            "two changes contradict each other at b",
        );
        refused(
            "a: 1\n",
            [set("b", map([("c", Value::Integer(1))])), set("b.d", 2)],
            "two changes contradict each other at b",
        );
        refused(
            "a: 1\n",
            [set("b.d", 2), set("b", map([("c", Value::Integer(1))]))],
            "two changes contradict each other at b",
        );
        refused(
            "a: 1\nb: 2\n",
            [rename("a", "b")],
            "b would be written twice",
        );
        refused(
            "a: 1\n",
            [set("b", 1), rename("a", "b")],
            "b would be written twice",
        );
        refused(
            "a: 1\nb: 2\n",
            [move_to("a", "b")],
            "b already exists (line 2)",
        );
        refused(
            "a: {b: 1}\n",
            [move_to("a", "a.c")],
            "a cannot be moved into itself",
        );
        refused("a: 1\n", [move_to("x", "y")], "there is nothing at x");
        refused("a: 1\n", [rename("x", "y")], "there is nothing at x");
    }

    #[test]
    fn rejects_unterminated_blocks() {
        let reason = "the last line of a text block (line 1) would get or lose its line break";
        refused("a: |\n  x", [set("b", 1)], reason);
        refused("a: >+\n  x\nb: 1", [remove("b")], reason);
        becomes_as_it_is("a: |-\n  x", [set("b", 1)], "a: |-\n  x\nb: 1");
        becomes_as_it_is("b: 2\na: |\n  x", [set("b", 1)], "b: 1\na: |\n  x");
    }

    #[test]
    fn rejects_losing_comments() {
        refused(
            "a:\n  # keep\n  b: 1\n",
            [set("a", 1)],
            "the comment on line 2 would be lost",
        );
        refused(
            "a:\n  # keep\n\n  b: 1\n",
            [move_to("a.b", "b")],
            "the comment on line 2 would be lost",
        );
        refused(
            "a: # keep\n  b: 1\n",
            [move_to("a.b", "b")],
            "the comment on line 1 would be lost",
        );
        refused(
            "a: { # keep\n }\n",
            [set("a.b", 1)],
            "the comment on line 1 would be lost",
        );
    }
}

/// Plans, applies, and compares, with every kind of line break.
#[track_caller]
fn becomes(before: &str, changes: impl IntoIterator<Item = Change>, after: &str) {
    let (before, after) = (
        before.strip_prefix('\n').unwrap_or(before),
        after.strip_prefix('\n').unwrap_or(after),
    );
    let changes: Vec<Change> = changes.into_iter().collect();
    let lines = |text: &str, brk: &str| text.replace('\n', brk);
    for brk in ["\n", "\r\n", "\r"] {
        let (before, after) = (lines(before, brk), lines(after, brk));
        assert_becomes(&before, &changes, &after);
        assert_becomes(
            &format!("\u{feff}{before}"),
            &changes,
            &format!("\u{feff}{after}"),
        );
        // A text of one line has no line break to copy.
        if let (Some(before), Some(after)) = (before.strip_suffix(brk), after.strip_suffix(brk))
            && (before.contains(brk) || brk == "\n")
        {
            assert_becomes(before, &changes, after);
        }
    }
}

#[track_caller]
fn becomes_as_it_is(before: &str, changes: impl IntoIterator<Item = Change>, after: &str) {
    assert_becomes(before, &changes.into_iter().collect::<Vec<_>>(), after);
}

#[track_caller]
fn assert_becomes(before: &str, changes: &[Change], after: &str) {
    let edits = match plan(&parse(before), changes) {
        Ok(edits) => edits,
        Err(refusal) => panic!("refused: {refusal}\n--- of\n{before}\n--- in bytes: {before:?}"),
    };
    let result = edits.apply(before);
    assert!(
        result == after,
        "--- of\n{before}\n--- comes\n{result}\n--- not\n{after}\n--- in bytes: {result:?}"
    );
}

#[track_caller]
fn refused(before: &str, changes: impl IntoIterator<Item = Change>, reason: &str) {
    let changes: Vec<Change> = changes.into_iter().collect();
    match plan(&parse(before), &changes) {
        Ok(edits) => panic!("given: {:?}", edits.apply(before)),
        Err(refusal) => assert_eq!(refusal.to_string(), reason),
    }
}

fn set(at: &str, value: impl Into<TestValue>) -> Change {
    Change::Set {
        path: path(at),
        value: value.into().0,
    }
}

fn append(at: &str, value: impl Into<TestValue>) -> Change {
    Change::Append {
        path: path(at),
        value: value.into().0,
    }
}

fn remove(at: &str) -> Change {
    Change::Remove { path: path(at) }
}

fn rename(at: &str, key: &str) -> Change {
    Change::Rename {
        path: path(at),
        key: key.into(),
    }
}

fn move_to(from: &str, to: &str) -> Change {
    Change::Move {
        from: path(from),
        to: path(to),
    }
}

fn list<const N: usize>(items: [&str; N]) -> Value {
    Value::Sequence(
        items
            .into_iter()
            .map(|item| Value::Text(item.into()))
            .collect(),
    )
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Mapping(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

/// A short way to write a value.
struct TestValue(Value);

impl From<bool> for TestValue {
    fn from(value: bool) -> TestValue {
        TestValue(Value::Bool(value))
    }
}

impl From<i64> for TestValue {
    fn from(value: i64) -> TestValue {
        TestValue(Value::Integer(value))
    }
}

impl From<&str> for TestValue {
    fn from(value: &str) -> TestValue {
        TestValue(Value::Text(value.into()))
    }
}

impl From<Value> for TestValue {
    fn from(value: Value) -> TestValue {
        TestValue(value)
    }
}

/// `spec.containers[0].image`
fn path(text: &str) -> Path {
    let mut steps = Vec::new();
    for part in text.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(Step::Key));
        steps.extend(
            pieces
                .filter_map(|index| index.trim_end_matches(']').parse().ok())
                .map(Step::Index),
        );
    }
    steps.into_iter().collect()
}

mod comments {
    use super::*;
    use yaml::{Offset, Range};

    /// A change of the comment with this prefix.
    fn comment(text: &str, begin: &str, after: Option<&str>) -> Change {
        let yaml = parse(text);
        let range = yaml
            .comments()
            .iter()
            .find(|range| text[**range].starts_with(begin))
            .copied();
        Change::Comment {
            range: range.unwrap_or(Range::empty(Offset::from(0))),
            text: after.map(str::to_owned),
        }
    }

    fn new(text: &str, beside: &str, above: bool) -> Change {
        let at = text
            .find(beside)
            .map_or(0, |at| u32::try_from(at).expect("a short text"));
        Change::NewComment {
            at: Offset::from(at),
            above,
            text: "# new".into(),
        }
    }

    const TEXT: &str = "# head\na: 1 # one\nb:\n  # below\n  - x: [2, # two\n      3]\n  - y: |\n      # text\n# end\n";

    #[test]
    fn adding_and_removing_are_inverse() {
        for brk in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                for end in [brk, ""] {
                    let text = format!("{mark}{}{end}", TEXT.trim_end().replace('\n', brk));
                    let mut written = 0;
                    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
                        for above in [false, true] {
                            let Ok(edits) = plan(&parse(&text), &[new(&text, &text[at..], above)])
                            else {
                                continue;
                            };
                            let after = edits.apply(&text);
                            assert_eq!(after.matches("# new").count(), 1, "{c}");
                            assert_becomes(&after, &[comment(&after, "# new", None)], &text);
                            written += 1;
                        }
                    }
                    assert!(written > 20, "{written}");
                }
            }
        }
    }

    #[test]
    fn removes_comment_with_blanks_or_line() {
        for (begin, before, after) in [
            ("# head", "# head\n", ""),
            ("# one", " # one", ""),
            ("# below", "  # below\n", ""),
            ("# two", " # two", ""),
            ("# end", "# end\n", ""),
        ] {
            assert_becomes(
                TEXT,
                &[comment(TEXT, begin, None)],
                &TEXT.replacen(before, after, 1),
            );
        }
        assert_becomes(
            TEXT,
            &[comment(TEXT, "# one", Some("# won"))],
            &TEXT.replacen("# one", "# won", 1),
        );
    }

    #[test]
    fn combines_with_other_changes() {
        let changes = [
            comment(TEXT, "# below", None),
            comment(TEXT, "# one", Some("# 1")),
            set("a", 2),
            set("c", 3),
        ];
        let after = TEXT
            .replace("  # below\n", "")
            .replace("a: 1 # one", "a: 2 # 1")
            .replace("# end\n", "c: 3\n# end\n");
        assert_becomes(TEXT, &changes, &after);
    }

    #[test]
    fn rejects_impossible_places() {
        let refused_at =
            |beside: &str, above: bool| plan(&parse(TEXT), &[new(TEXT, beside, above)]).is_err();
        assert!(refused_at("a: 1", false), "there is one");
        assert!(
            refused_at("# text", false) && refused_at("# text", true),
            "in a text block"
        );
        let gone = Change::Comment {
            range: Range::new(1.into(), 3.into()),
            text: None,
        };
        refused(TEXT, [gone], "the comment no longer exists");
        let two = [
            comment(TEXT, "# one", Some("# 1")),
            comment(TEXT, "# one", None),
        ];
        assert!(plan(&parse(TEXT), &two).is_err());
        let broken = plan(&parse(TEXT), &[comment(TEXT, "# one", Some("\nc: 1"))]);
        assert!(broken.is_err(), "what is no comment is not written");
    }
}

/// Invariants for every document of a folder of real manifests.
mod corpus {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use yaml::{Node, NodeKind, Yaml, chunks};

    /// The valid reasons for rejections of real manifests: duplicate keys, comments inside a
    /// replaced collection, and a text block at the end of a text without a line break.
    const FOUNDED: [&str; 3] = [
        "is written twice",
        "would be lost",
        "would get or lose its line break",
    ];

    #[test]
    fn corpus_edits_are_verified_and_small() {
        let Some(folder) = shared("corpus") else {
            return;
        };
        let mut tally = Tally {
            places: 2,
            ..Tally::default()
        };
        let mut longest = 12_000;
        // All changes take minutes. Otherwise the changes differ from document to document.
        let thorough = std::env::var_os("KUBEHARDEN_THOROUGH").is_some();
        if thorough {
            tally.places = 12;
            longest = 60_000;
        }
        for text in texts(&folder) {
            for document in chunks::documents(&text)
                .into_iter()
                .filter(|range| range.len() < longest)
            {
                tally.seed += 1;
                for variant in 0..3 {
                    if thorough || tally.seed % 3 == variant {
                        tally.document(&ended(&text[document.clone()], variant));
                    }
                }
            }
        }
        println!("{tally:#?}");
        assert!(tally.planned > 1000);
        let unfounded = tally
            .refusals
            .keys()
            .find(|reason| !FOUNDED.iter().any(|founded| reason.contains(founded)));
        assert_eq!(unfounded, None);
    }

    /// The documents of the YAML test suite are unusual: what cannot be edited is rejected.
    #[test]
    fn odd_documents_are_edited_correctly_or_rejected() {
        let Some(folder) = shared("yaml-test-suite/src") else {
            return;
        };
        let mut tally = Tally {
            places: 12,
            ..Tally::default()
        };
        for text in texts(&folder) {
            let cases = parse(&text);
            for case in cases.root().into_iter().flat_map(Node::items) {
                let Some(document) = case.get("yaml").and_then(Node::as_str) else {
                    continue;
                };
                let document = document
                    .replace('␣', " ")
                    .replace(['—', '»'], "\t")
                    .replace('↵', "")
                    .replace("∎\n", "");
                tally.seed += 1;
                for variant in 0..3 {
                    tally.document(&ended(&document, variant));
                }
            }
        }
        println!("{tally:#?}");
        assert!(tally.given > 1000);
    }

    /// A text with one of three line breaks.
    fn ended(text: &str, variant: usize) -> String {
        match variant {
            0 => text.to_owned(),
            1 => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            _ => text.trim_end_matches(['\n', '\r']).to_owned(),
        }
    }

    #[derive(Debug, Default)]
    struct Tally {
        places: usize,
        seed: usize,
        documents: usize,
        not_editable: BTreeMap<String, usize>,
        planned: usize,
        given: usize,
        refusals: BTreeMap<String, usize>,
    }

    impl Tally {
        fn document(&mut self, text: &str) {
            let yaml = parse(text);
            if let Err(refusal) = plan(&yaml, &[]) {
                *self
                    .not_editable
                    .entry(without_numbers(&refusal.to_string()))
                    .or_default() += 1;
                return;
            }
            self.documents += 1;
            let collections: Vec<Node<'_>> = yaml
                .nodes()
                .filter(|node| matches!(node.kind(), NodeKind::Mapping | NodeKind::Sequence))
                .collect();
            let places = self.places.min(collections.len());
            let mut sets = Vec::new();
            for place in 0..places {
                let node = collections
                    [(self.seed * 7919 + place * collections.len() / places) % collections.len()];
                for (change, pure) in changes(node, self.seed + place) {
                    let given = self.change(&yaml, &change, pure);
                    if given && pure && !sets.contains(&change) {
                        sets.push(change);
                    }
                }
            }
            // Changes that are possible one by one are possible together.
            let edits = plan(&yaml, &sets)
                .unwrap_or_else(|refusal| panic!("{refusal}: {sets:?} of\n{}", yaml.text()));
            let after = edits.apply(yaml.text());
            assert!(
                is_subsequence(yaml.text().lines(), after.lines()),
                "{sets:?} of\n{}\nmakes\n{after}",
                yaml.text()
            );
        }

        /// Tries one change. Returns whether it has edits.
        fn change(&mut self, yaml: &Yaml, change: &Change, pure: bool) -> bool {
            self.planned += 1;
            let edits = match plan(yaml, std::slice::from_ref(change)) {
                Ok(edits) => edits,
                Err(refusal) => {
                    let kind = format!("{change:?}");
                    let kind = kind.split(' ').next().unwrap_or_default();
                    *self
                        .refusals
                        .entry(format!("{kind}: {}", without_numbers(&refusal.to_string())))
                        .or_default() += 1;
                    return false;
                }
            };
            self.given += 1;
            let after = edits.apply(yaml.text());
            let read = parse(&after);
            assert!(
                read.errors().is_empty(),
                "{change:?} of\n{}\nmakes\n{after}",
                yaml.text()
            );
            assert_eq!(
                yaml.text().ends_with(['\n', '\r']),
                after.ends_with(['\n', '\r']),
                "{change:?} of\n{}",
                yaml.text()
            );
            if yaml.text().contains("\r\n") {
                assert!(
                    !after.replace("\r\n", "").contains(['\n', '\r']),
                    "{change:?} of\n{}",
                    yaml.text()
                );
            }
            if pure {
                assert!(
                    is_subsequence(yaml.text().lines(), after.lines()),
                    "{change:?} of\n{}\nmakes\n{after}",
                    yaml.text()
                );
            }
            if matches!(change, Change::Set { .. } | Change::Remove { .. }) {
                let again = plan(&read, std::slice::from_ref(change));
                // After the removal of an item, its index belongs to the next one.
                let has_index =
                    |path: &Path| path.steps().any(|step| matches!(step, Step::Index(_)));
                let shifted = matches!(change, Change::Remove { path } if has_index(path));
                assert!(
                    shifted || again.as_ref().is_ok_and(|edits| edits.is_empty()),
                    "{change:?} again makes {again:?} of\n{after}"
                );
            }
            true
        }
    }

    /// Changes to try at a collection, and whether a change must keep all lines.
    fn changes(node: Node<'_>, seed: usize) -> Vec<(Change, bool)> {
        let path = node.path();
        let size = node.entries().len() + node.items().len();
        let in_flow = std::iter::successors(Some(node), |node| node.parent()).any(Node::is_flow);
        let mut changes = Vec::new();
        if node.kind() == NodeKind::Mapping {
            let value = list(["ALL", "no"]);
            let deep = path.keys("testContext.capabilities.drop");
            changes.push((Change::Set { path: deep, value }, !in_flow && size > 0));
            changes.push((
                Change::Set {
                    path: path.key("testFlag"),
                    value: Value::Bool(true),
                },
                !in_flow && size > 0,
            ));
        } else {
            let value = map([
                ("name", Value::Text("x".into())),
                ("value", Value::Integer(1)),
            ]);
            changes.push((
                Change::Append {
                    path: path.clone(),
                    value,
                },
                !in_flow && size > 0,
            ));
        }
        if size == 0 {
            return changes;
        }
        let chosen = seed % size;
        let step = match node.entries().nth(chosen) {
            Some(entry) => Step::Key(entry.key.as_str().unwrap_or_default()),
            None => Step::Index(chosen),
        };
        let chosen = path.join([step]);
        changes.push((
            Change::Remove {
                path: chosen.clone(),
            },
            false,
        ));
        changes.push((
            Change::Set {
                path: chosen.clone(),
                value: Value::Text("other".into()),
            },
            false,
        ));
        if matches!(chosen.steps().last(), Some(Step::Key(_))) {
            changes.push((
                Change::Rename {
                    path: chosen.clone(),
                    key: "testKey".into(),
                },
                false,
            ));
            let to = Path::default().keys("testTarget.of.it");
            changes.push((Change::Move { from: chosen, to }, false));
        }
        changes
    }

    fn is_subsequence<'a>(
        few: impl Iterator<Item = &'a str>,
        mut many: impl Iterator<Item = &'a str>,
    ) -> bool {
        few.into_iter().all(|line| many.any(|other| other == line))
    }

    fn without_numbers(reason: &str) -> String {
        let mut words = reason.split(' ').map(|word| {
            if word.contains(|c: char| c.is_ascii_digit()) {
                "N"
            } else {
                word
            }
        });
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |text, word| text + " " + word)
    }

    /// A folder of test data outside the package.
    fn shared(name: &str) -> Option<PathBuf> {
        let beside =
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join("../shared");
        let shared = std::env::var_os("KUBEHARDEN_SHARED").map_or_else(beside, PathBuf::from);
        let folder = shared.join(name);
        if !folder.is_dir() {
            println!("skipped: there is no {}", folder.display());
            return None;
        }
        Some(folder)
    }

    fn texts(folder: &std::path::Path) -> Vec<String> {
        let mut texts = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                if path.is_dir() {
                    folders.push(path);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "yaml" || extension == "yml")
                {
                    texts.extend(std::fs::read_to_string(path));
                }
            }
        }
        texts
    }
}
