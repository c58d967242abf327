from appealbridge.documents import path_text


def test_a_path_reads_as_people_write_it():
    assert path_text(("actions", 2, "images", 0, "url")) == "actions[2].images[0].url"
    assert path_text(()) == ""
