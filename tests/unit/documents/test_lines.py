from appealbridge.documents.lines import lines_of


def test_lines_break_where_the_parser_breaks_them_and_nowhere_else():
    assert lines_of("a\r\nb\rc\u2028d\x0be\n") == ["a", "b", "c", "d\x0be"]


def test_there_is_always_a_line():
    assert lines_of("") == [""]


def test_a_byte_order_mark_is_no_character_of_the_first_line():
    assert lines_of("\ufeffa") == ["a"]
