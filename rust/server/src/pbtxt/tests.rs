use super::*;

fn parse(text: &str) -> Message {
    text.parse().unwrap()
}

#[test]
fn every_way_to_write_a_field_is_read() {
    let message = parse(
        r#"
        # a comment
        name: "tail"  backend: 'python' ; max_batch_size: 8,
        input [
          { name: "feat" data_type: TYPE_FP32 dims: [16, 112, 0x70] },
          { name: "mask" data_type: TYPE_BOOL dims: [ ] }
        ]
        output { name: "logits" dims: -1 dims: 10 }
        output: < name: "scores" >
        dynamic_batching { }
        "#,
    );
    assert_eq!(message.text("name"), Ok(Some("tail")));
    assert_eq!(message.text("backend"), Ok(Some("python")));
    assert_eq!(message.integer("max_batch_size"), Ok(Some(8)));
    let inputs = message.messages("input").unwrap();
    assert_eq!(inputs.len(), 2);
    assert_eq!(inputs[0].word("data_type"), Ok(Some("TYPE_FP32")));
    assert_eq!(inputs[0].integers("dims"), Ok(vec![16, 112, 112]));
    assert_eq!(inputs[1].integers("dims"), Ok(vec![]));
    let outputs = message.messages("output").unwrap();
    assert_eq!(outputs[0].integers("dims"), Ok(vec![-1, 10]));
    assert_eq!(outputs[1].text("name"), Ok(Some("scores")));
    assert_eq!(message.message("dynamic_batching"), Ok(Some(&Message::default())));
    assert_eq!(message.message("sequence_batching"), Ok(None));
}

#[test]
fn what_nobody_asks_for_is_skipped_whatever_it_holds() {
    let message = parse(
        r#"optimization { execution_accelerators { gpu_execution_accelerator: [ { name: "tensorrt" parameters { key: "x" value: "1.5e-3f" } } ] } }
           [ext.of.mine] { a: 1 } ratio: -1.5e+3 flag: true parameters { key: "k" value: { string_value: "v" } }
           name: "m""#,
    );
    assert_eq!(message.text("name"), Ok(Some("m")));
    assert_eq!(message.word("ratio"), Ok(Some("-1.5e+3")));
}

#[test]
fn texts_are_unescaped_and_joined() {
    let message = parse(r#"a: "x\n\t\"\x41\101\u00e4" 'y' b: "" "#);
    assert_eq!(message.text("a"), Ok(Some("x\n\t\"AAäy")));
    assert_eq!(message.text("b"), Ok(Some("")));
}

#[test]
fn the_last_of_two_single_values_counts() {
    assert_eq!(parse("a: 1 a: 2").integer("a"), Ok(Some(2)));
}

#[test]
fn integers_are_read_as_protobuf_writes_them() {
    let message = parse("a: 010 b: -0x10 c: 0 d: - 5");
    for (field, expected) in [("a", 8), ("b", -16), ("c", 0), ("d", -5)] {
        assert_eq!(message.integer(field), Ok(Some(expected)), "{field}");
    }
    for text in ["a: 1.5", "a: x", "a: 99999999999999999999", "a: \"1\"", "a { }", "a: 08", "a: 0x-1"] {
        assert!(matches!(parse(text).integer("a"), Err(PbtxtError::Type { .. })), "{text}");
    }
}

#[test]
fn what_breaks_the_grammar_is_told_with_its_line() {
    for (text, line) in [
        ("a", 1),
        ("a: 1\nb", 2),
        ("a {\n b: 1\n", 3),
        ("a: \"x", 1),
        ("a: \"x\ny\"", 2),
        ("\n\n}", 3),
        ("a: [1 2]", 1),
        ("a: [1, ", 1),
        ("a b", 1),
        (": 1", 1),
        ("a: \"\\q\"", 1),
        ("a: \"\\777\"", 1),
        ("a: \"\\ud800\"", 1),
        ("[a", 1),
        ("a { b: 1 >", 1),
    ] {
        match text.parse::<Message>() {
            Err(PbtxtError::Syntax { line: got, .. }) => assert_eq!(got, line, "{text:?}"),
            other => panic!("{text:?} gave {other:?}"),
        }
    }
}

#[test]
fn depth_is_bounded() {
    assert!("a {".repeat(1_000_000).parse::<Message>().is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9:{}<>\\[\\]\"'\\\\#,; \n_.x-]{0,200}") {
        let _result = text.parse::<Message>();
    }

    #[test]
    fn any_characters_survive_quoting(text in ".{0,40}") {
        let quoted = text.bytes().fold(String::new(), |quoted, byte| quoted + &format!("\\x{byte:02x}"));
        let message = parse(&format!("a: \"{quoted}\""));
        proptest::prop_assert_eq!(message.text("a"), Ok(Some(text.as_str())));
    }
}
