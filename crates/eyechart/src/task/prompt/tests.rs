//! Tests of templates.

use serde_json::json;

use super::*;

fn render(template: &str, cells: Value) -> Result<String, String> {
    let Value::Object(cells) = cells else { panic!("an object") };
    let choices = ["Red".to_owned(), "Blue".to_owned()];
    Prompt::new(template, true)?.render(PromptValues {
        cells: &cells,
        choices: Some(&choices),
        unlisted: &[],
    })
}

#[test]
fn the_sources_arxivqa_prompt_comes_out_to_the_letter() {
    let template =
        "Answer Query Based on Image\n\nQuestion: {{ question }}\nOptions: {{ options | join(\", \") }}";
    let row = json!({"question": "Which <b> & \"c\"?", "options": ["A) Red", "B) Blue"]});
    assert_eq!(
        render(template, row).unwrap(),
        "Answer Query Based on Image\n\nQuestion: Which <b> & \"c\"?\nOptions: A) Red, B) Blue"
    );
}

#[test]
fn a_column_that_the_row_lacks_is_named() {
    let error = render("{{ question }}", json!({"query": "?"})).unwrap_err();
    assert!(error.contains("\"question\"") && error.contains("query"), "{error}");
    let error = render("{{ hint }}", json!({"hint": null})).unwrap_err();
    assert!(error.contains("\"hint\"") && error.contains("{% if hint %}"), "{error}");
}

#[test]
fn a_column_that_the_row_lacks_can_be_tested() {
    let template = "{{ q }}{% if hint %} Hint: {{ hint }}{% endif %}{{ more | default(\"!\") }}";
    for (row, expected) in [
        (json!({"q": "Q"}), "Q!"),
        (json!({"q": "Q", "hint": null, "more": "?"}), "Q?"),
        (json!({"q": "Q", "hint": ""}), "Q!"),
        (json!({"q": "Q", "hint": "h"}), "Q Hint: h!"),
    ] {
        assert_eq!(render(template, row).unwrap(), expected);
    }
}

#[test]
fn a_column_of_any_name_is_named_through_row() {
    let row = json!({"Question Text": "Q", "问题": "问", "a.b": "c", "row": "r"});
    let template = "{{ row[\"Question Text\"] }} {{ row['问题'] }} {{ row[\"a.b\"] | upper }}";
    assert_eq!(render(template, row.clone()).unwrap(), "Q 问 C");
    assert_eq!(render("{{ row }}", row).unwrap(), "r");
    let prompt = Prompt::new(template, false).unwrap();
    assert_eq!(prompt.columns(), ["Question Text", "a.b", "问题"]);
    let error = render("{{ row[\"Question\"] }}", json!({"Question Text": "Q"})).unwrap_err();
    assert!(error.contains("\"Question\"") && error.contains("row[\"Question\"] | default"), "{error}");
    let table = json!({"table": [{"x": 1}, {"x": 2}]});
    let looped = "{% for row in table %}{{ row.x }}{{ row[\"x\"] }}{% endfor %}";
    assert_eq!(render(looped, table).unwrap(), "1122");
    assert_eq!(Prompt::new(looped, false).unwrap().columns(), ["table"]);
    assert_eq!(render("{% if row.x %}{{ row.x }}{% endif %}", json!({"y": 1})).unwrap(), "");
}

#[test]
fn choices_are_the_options_of_the_question() {
    assert_eq!(render("{{ choices | join(\", \") }}", json!({})).unwrap(), "Red, Blue");
    assert_eq!(Prompt::new("{{ choices }}", false).unwrap().columns(), ["choices"]);
}

#[test]
fn a_text_is_not_used_as_a_list() {
    let row = json!({"o": "[\"cat\", \"dog\"]", "t": "a, b", "l": ["x", "y"]});
    for template in [
        "{{ o | join(\", \") }}",
        "{% for x in o %}{{ x }}{% endfor %}",
        "{%- for x in o | reverse if x != \"b\" -%}{{ x }}{% endfor %}",
        "{% for i, x in (o | list) | batch(2) %}{% endfor %}",
        "{% set p = o %}{% for x in p recursive %}{{ x }}{% endfor %}",
        "{{ row[\"o\"] | map(\"upper\") | list }}",
    ] {
        let error = render(template, row.clone()).unwrap_err();
        assert!(error.contains("as a list, which would take it apart"), "{template}: {error}");
    }
    let error = render("{{ o | join }}", row.clone()).unwrap_err();
    assert!(error.contains("literal = [\"o\"]"), "{error}");
    let error = render("{{ t | join }}", row.clone()).unwrap_err();
    assert!(error.contains("literal = [\"t\"]") && error.contains("t | split"), "{error}");
    for (template, expected) in [
        ("{% for x in l %}{{ loop.index }}{{ x }}{% endfor %}", "1x2y"),
        ("{% for x in l if x != \"x\" %}{{ x }}{% else %}-{% endfor %}", "y"),
        ("{% for letter in \"AB\" %}{{ letter }}.{% endfor %}", "A.B."),
        ("{% for word in t | split(\", \") %}{{ word }}|{% endfor %}", "a|b|"),
        ("{{ t | length }} {{ o }}", "4 [\"cat\", \"dog\"]"),
        (
            "{{ l | join(\"|\") | upper }}{# for x in o #}{% raw %}{% for x in o %}{% endraw %}",
            "X|Y{% for x in o %}",
        ),
    ] {
        assert_eq!(render(template, row.clone()).unwrap(), expected, "{template}");
    }
}

#[test]
fn a_text_that_is_written_as_a_list_is_neither_indexed_nor_measured() {
    let row = json!({"o": "[\"cat\", \"dog\"]", "p": "['cat']", "t": "[sic] a, b", "l": ["x", "y"], "m": {"o": "[1]"}});
    for template in [
        "{{ o[0] }}",
        "{{ p[ -1 ] }}",
        "{{ o[:1] }}",
        "{{ o | first }}",
        "{{ o|last|upper }}",
        "{% if o | length > 1 %}x{% endif %}",
        "{{ row[\"o\"][0] }}",
        "{{ row.o[1:] }}",
        "{{ (o)[0] }}",
        "{{ m.o[0] }}",
        "{{ m[\"o\"][0] ~ o }}",
        "{% set p = o %}{{ \"x\" ~ p[0] }}",
        "{% for x in l if o[0] %}{{ x }}{% endfor %}",
        "{% if \"cat\" in o %}x{% endif %}",
        "{% if \"cat\" not in row[\"o\"] and l %}x{% endif %}",
        "{{ l[o | length] }}",
        "{{ {\"a\": o[0]}[\"a\"] }}",
    ] {
        let error = render(template, row.clone()).unwrap_err();
        assert!(
            error.contains("it is written as a list: name the column in [dataset]"),
            "{template}: {error}"
        );
    }
    for (template, expected) in [
        ("{{ t[0] }}{{ t | first }}{{ t | length }}{{ t[1:4] }}", "[[10sic"),
        ("{{ l[0] }}{{ l | last }}{{ l[1:] | join }}{{ l | length }}", "xyy2"),
        ("{{ \"ABCD\"[1] }}{{ [\"a\", \"b\"][1] }}{{ \"[1]\"[0] }}{{ [o][0] }}", "Bb[[\"cat\", \"dog\"]"),
        ("{% for x in l %}{{ \"AB\"[loop.index0] }}{{ l[loop.index0] }}{% endfor %}", "AxBy"),
        ("{% if \"x\" in l and \"sic\" in t and \"z\" not in l %}yes{% endif %}", "yes"),
        ("{{ 1 if l[0] == \"x\" else l[1] }}{{ m[\"o\"] }}", "1[1]"),
        ("{% if l[7] is defined %}no{% endif %}{{ (l + [\"z\"])[2] }}{{ l | map(\"upper\") | first }}", "zX"),
    ] {
        assert_eq!(render(template, row.clone()).unwrap(), expected, "{template}");
    }
}

#[test]
fn a_column_that_is_only_indexed_or_sliced_is_read() {
    let row = json!({"l": ["x", "y", "z"], "n": 1, "m": {"l": ["a", "b"]}});
    for (template, expected) in [
        ("{{ l[:2] | join }}", "xy"),
        ("{{ l[n:] | join }}{{ l[::2] | join }}{{ l[-1:][0] }}", "yzxzz"),
        ("{{ row.l[1:2] | join }}{{ row[\"m\"].l[1:] | join }}", "yb"),
        ("{% for x in l[1:] if x[:1] != \"z\" %}{{ x[:1] }}{% endfor %}", "y"),
        ("{% set k = [1, 2] %}{{ k[1:] | join }}", "2"),
    ] {
        assert_eq!(render(template, row.clone()).unwrap(), expected, "{template}");
        assert!(
            Prompt::new(template, false).unwrap().columns().iter().all(|column| row.get(column).is_some())
        );
    }
}

#[test]
fn row_is_a_value_with_all_columns() {
    let row = json!({"q": "Q", "a b": 1, "n": null});
    for (template, expected) in [
        ("{% for k in row %}{{ k }}={{ row[k] }};{% endfor %}", "a b=1;q=Q;"),
        ("{% for k, v in row | items %}{{ k }}={{ v }};{% endfor %}", "a b=1;q=Q;"),
        ("{% for k, v in row.items() %}{{ k }}={{ v }};{% endfor %}", "a b=1;q=Q;"),
        ("{{ row.keys() | join(\"|\") }} {{ row.values() | join(\"|\") }}", "a b|q 1|Q"),
        ("{% if \"q\" in row %}1{% endif %}{% if 'x' in row or 'n' in row %}2{% endif %}", "1"),
        ("{% if \"x\" not in row %}{{ row.get(\"q\") }}{% endif %}", "Q"),
        ("{{ row.get(\"q\", \"-\") }}{{ row.get(\"n\", \"-\") }}{{ row.get('x') | default(\"+\") }}", "Q-+"),
        ("{{ row.q }}{{ row[\"a b\"] }}{{ row | length }}", "Q12"),
    ] {
        assert_eq!(render(template, row.clone()).unwrap(), expected, "{template}");
    }
    let error = render("{{ row.get(\"x\") }}", row.clone()).unwrap_err();
    assert!(error.contains("the column \"x\""), "{error}");
    assert!(render("{{ row.pop(\"q\") }}", row).unwrap_err().contains("pop"));
    let all = ["q", "row", "z"].map(str::to_owned);
    let more = |template: &str| {
        let prompt = Prompt::new(template, false).unwrap();
        let more: Vec<_> = prompt.more_columns(&all).cloned().collect();
        (prompt.columns().to_vec(), more)
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(more("{% if 'z' in row %}{{ row.get('y') }}{% endif %}"), (names(&[]), names(&["z"])));
    assert_eq!(more("{{ row }}"), (names(&[]), names(&["row"])));
    assert_eq!(more("{{ row.q }}{{ row }}"), (names(&["q"]), names(&["row"])));
    assert_eq!(more("{% for row in q %}{{ row }}{% endfor %}"), (names(&["q"]), names(&[])));
}

#[test]
fn a_broken_template_is_an_error_and_no_panic() {
    for template in
        ["{{ question", "{% for %}", "{% for x in %}", "{% for x in a", "{{ | join }}", "{{ row[ }}"]
    {
        assert!(render(template, json!({"question": "q"})).is_err(), "{template}");
    }
    assert!(Prompt::new("{{ question", false).unwrap_err().contains("prompt.text"));
}

#[test]
fn a_template_cannot_hang_or_abort_the_process() {
    let many = |text: &str| text.repeat(200_000);
    for template in [
        format!("{{{{ {}1 }}}}", many("not ")),
        format!("{{{{ q{} }}}}", many("|upper")),
        format!("{{{{ 1{} }}}}", many("+1")),
        format!("{{{{ {}1{} }}}}", many("("), many(")")),
        format!("{{{{ {}1{} }}}}", "[".repeat(240), "]".repeat(240)),
        many("{% if 1 %}"),
        format!("{{% set x = q %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(40)),
        format!(
            "{{% set x %}}{{{{ q }}}}{{% endset %}}{}",
            "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(40)
        ),
        "{{ '%3000000000d'|format(1) }}".to_owned(),
        "{{ 'x' * 3000000000 }}".to_owned(),
        "{{ q | replace('a', 'a' * 1000000) | replace('a', 'a' * 1000000) }}".to_owned(),
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{{ q | indent(2000000000) | center(2000000000) }}".to_owned(),
    ] {
        let error = render(&template, json!({"q": "a\nb"}));
        assert!(error.is_err(), "{}", template.get(..80).unwrap_or(&template));
    }
}

#[test]
fn the_deepest_templates_that_are_allowed_need_little_stack() {
    let on_small_stack = |template: String, cells: Value| {
        let render = move || render(&template, cells);
        std::thread::Builder::new().stack_size(1 << 20).spawn(render).unwrap().join().unwrap()
    };
    for (open, close) in
        [("", "+1"), ("not ", ""), ("", "|upper"), ("-", ""), ("", "[0]"), ("", " if 1 else 2")]
    {
        let deep = format!("{{{{ {}q{} }}}}", open.repeat(160), close.repeat(160));
        let _ = on_small_stack(deep, json!({"q": 1}));
    }
    let endless = "{% for x in l recursive %}{{ loop(l) }}{% endfor %}".to_owned();
    assert!(on_small_stack(endless, json!({"l": [1]})).is_err());
    let blocks = format!("{}x{}", "{% if 1 %}".repeat(140), "{% endif %}".repeat(140));
    assert_eq!(on_small_stack(blocks, json!({})).as_deref(), Ok("x"));
}
