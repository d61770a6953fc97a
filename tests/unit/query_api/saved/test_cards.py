"""Cards of a saved view: writers who saw some version of it, in any order, against what each of them was promised."""

from hypothesis import given
from hypothesis import strategies as st

from mldash_api.saved.cards import AskedCard, AskedChange, AskedName, Line, View, changed, undoing
from mldash_api.saved.errors import ViewOvertaken

KEYS = ["loss", "reward", "a.b", "$set"]
writers = st.lists(
    st.tuples(
        st.integers(0, 12),  # how many changes ago the writer has looked
        st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from([b"1", b"2", b"3"])), min_size=1),
        st.one_of(st.none(), st.sampled_from(["one", "two"])),
    ),
    max_size=14,
)


def asked_of(seen: View, cards: dict[str, bytes | None], name: str | None) -> AskedChange:
    return AskedChange(
        name=None if name is None else AskedName(seen.name_version, name),
        cards={
            key: AskedCard(seen.cards[key].version if key in seen.cards else 0, content)
            for key, content in cards.items()
        },
    )


@given(writers)
def test_no_writer_changes_a_part_that_another_has_changed_since_they_looked(asked: list[tuple]) -> None:
    """Nor is one held up by changes of other parts; and what was refused leaves no trace."""
    past = [View(id="v", scope="")]
    for ago, cards, name in asked:
        seen, now = past[max(0, len(past) - 1 - ago)], past[-1]
        wanted = {**cards, **({} if name is None else {"": name})}
        parts = {key: _part(now, key) for key in wanted}
        odd = {key for key in wanted if wanted[key] != parts[key][0] and _part(seen, key) != parts[key]}
        try:
            made, edits = changed(now, asked_of(seen, cards, name), "ada", 1.0)
        except ViewOvertaken as error:
            told = {*error.cards, *([""] if error.name is not None else [])}
            # A card that was removed, made anew and removed again is "not there", as the writer saw it.
            assert told and told <= odd
            continue
        assert not {key for key in odd if not (parts[key][1] == 0 and _part(seen, key)[1] == 0)}
        assert {one.card or "" for one in edits} == {key for key in wanted if wanted[key] != parts[key][0]}
        for key in [*KEYS, ""]:
            expected = wanted[key] if key in wanted else _part(now, key)[0]
            assert _part(made, key)[0] == expected
        if made is not now:
            assert made.version == now.version + 1
            past.append(made)


@given(writers)
def test_every_change_can_be_undone_and_the_undoing_too(asked: list[tuple]) -> None:
    view = View(id="v", scope="")
    for _, cards, name in asked:
        made, edits = changed(view, asked_of(view, cards, name), "ada", 1.0)
        if edits:
            line = Line(version=made.version, at=1.0, subject="ada", token_id=None, address=None, edits=tuple(edits))
            back, undone = changed(made, undoing(line, made), "bob", 2.0)
            assert [_part(back, key)[0] for key in [*KEYS, ""]] == [_part(view, key)[0] for key in [*KEYS, ""]]
            again = Line(version=back.version, at=2.0, subject="bob", token_id=None, address=None, edits=tuple(undone))
            forth, _ = changed(back, undoing(again, back), "ada", 3.0)
            assert [_part(forth, key)[0] for key in [*KEYS, ""]] == [_part(made, key)[0] for key in [*KEYS, ""]]
        view = made


def _part(view: View, key: str) -> tuple[bytes | str | None, int]:
    """Content and version; "" is the name."""
    if key == "":
        return view.name, view.name_version
    card = view.cards.get(key)
    return (None, 0) if card is None else (card.content, card.version)
