from appealbridge.documents.messages.syntax import syntax_message


def test_an_unknown_complaint_is_passed_on_with_a_general_cure():
    problem, cure = syntax_message("something new", "x")
    assert problem == "something new"
    assert cure


def test_a_character_that_begins_no_text_is_named():
    assert syntax_message("found character that cannot start any token", "`") == (
        'text cannot begin with "`"',
        "put it in quotes",
    )


def test_a_bracket_in_the_middle_of_a_text_is_not_called_an_open_list():
    assert syntax_message("did not find expected ',' or '}'", "[") == (
        '"[" in the middle of a text',
        "put the text in quotes",
    )
