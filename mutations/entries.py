"""The mutations: what is changed where, and which tests must notice.

A mutation is one text of a file, which must occur there exactly once (``tests/contracts/test_mutations.py``), and what
stands there instead. Texts are short, so that they outlive changes around them. When one is rewritten, so is its entry.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """``new`` for ``old`` in ``file`` is a fault called ``name``; each of ``tests`` (node ids of pytest) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _in(package: str, file: str, *mutations: tuple[str, str, str, str | tuple[str, ...]]) -> tuple[Mutation, ...]:
    """Mutations (name, old, new, tests) of one file of the package; tests are named from ``tests/``."""
    return tuple(
        Mutation(
            name,
            f"src/embedscope/{package}/{file}",
            old,
            new,
            tuple(f"tests/{test}" for test in ((tests,) if isinstance(tests, str) else tests)),
        )
        for name, old, new, tests in mutations
    )


_INTERVALS = (
    *_in(
        "stats",
        "bootstrap.py",
        (
            "standard error with ddof 0",
            "return float(known.std(ddof=1)), float(low)",
            "return float(known.std(ddof=0)), float(low)",
            "stats/test_bootstrap.py::test_the_standard_error_is_that_of_a_sample",
        ),
        (
            "draws of two scores are not the same",
            "rng = np.random.default_rng([seed, n])",
            "rng = np.random.default_rng()",
            "stats/test_bootstrap.py::test_draws_depend_on_count_and_seed_alone",
        ),
        (
            "differences of scores are not paired",
            "value, draws = a.value - b.value, a.draws - b.draws",
            "value, draws = a.value - b.value, a.draws - np.roll(b.draws, 1)",
            (
                "stats/test_bootstrap.py::test_paired_difference_is_tighter_than_an_unpaired_one",
                "experiments/test_tested.py::test_difference_is_paired",
            ),
        ),
        (
            "pairs are drawn, not the things that they share",
            "if len(np.unique(ends)) == len(ends):",
            "if True:",
            "stats/test_bootstrap.py::test_what_pairs_share_decides_what_is_drawn",
        ),
        (
            "Holm's rule does not step",
            "stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))",
            "stepped = np.maximum.accumulate(p[order])",
            "stats/test_bootstrap.py::test_holm_by_hand",
        ),
    ),
    *_in(
        "stats",
        "score_records.py",
        (
            "intervals of few units are those of many",
            "interval(score.value, score.draws, expanded_level(units))",
            "interval(score.value, score.draws, expanded_level(10**9))",
            "stats/test_score_records.py::test_intervals_of_few_units_are_wider_than_percentiles",
        ),
        (
            "a sampled score becomes an exact record",
            "exact=exact and score.exact,",
            "exact=exact,",
            "stats/test_score_records.py::test_what_was_sampled_anywhere_is_not_exact",
        ),
    ),
    *_in(
        "stats",
        "uncertainty.py",
        (
            "jackknife without its factor",
            "stderr = float(np.sqrt((g - 1) / g * (((pseudo - estimate) / (h - 1)) ** 2).sum()))",
            "stderr = float(np.sqrt((((pseudo - estimate) / (h - 1)) ** 2).sum()))",
            (
                "stats/test_uncertainty.py::test_equal_groups_give_the_usual_variance",
                "stats/test_uncertainty.py::test_unequal_groups_of_a_mean_count_by_their_size",
            ),
        ),
        (
            "a normal interval instead of Student's",
            "interval = student_interval(full, stderr, min(g - 1, max(1, round(float(degrees)))))",
            "interval = student_interval(full, stderr, 10**4)",
            "stats/test_uncertainty.py::test_single_rows_give_the_standard_error_of_a_mean_and_its_t_interval",
        ),
        (
            "groups of unequal size are taken for means of rows",
            "(((pseudo - estimate) / (h - 1)) ** 2).sum()",
            "((pseudo - estimate) ** 2 / (h - 1)).sum() / (g - 1)",
            "stats/test_uncertainty.py::test_units_of_unequal_size_are_covered",
        ),
        (
            "Wald's interval of a share instead of Wilson's",
            "share * (1 - share) / units + (z / (2 * units)) ** 2)",
            "share * (1 - share) / units)",
            "stats/test_uncertainty.py::test_shares_of_few_units_have_at_least_wilsons_interval",
        ),
    ),
    *_in(
        "stats",
        "best_of.py",
        (
            "the best layer by a plain bootstrap of the maximum",
            "ends = float(back(low.max())), float(back(high.max()))",
            "ends = tuple(float(v) for v in np.nanquantile(draws.max(axis=0), [0.025, 0.975]))",
            "stats/test_best_of.py::test_interval_of_the_best_of_equal_layers_covers",
        ),
        (
            "the difference of two bests is not paired",
            "draws = (a.draws[:, None] - b.draws[None])",
            "draws = (a.draws[:, None] - np.roll(b.draws, 1, axis=1)[None])",
            "stats/test_best_of.py::test_the_difference_of_two_bests_is_paired",
        ),
    ),
    *_in(
        "stats",
        "null.py",
        (
            "a permutation null without permutation",
            "yield rng.permutation(n)",
            "yield np.arange(n)",
            "stats/test_null.py::test_unrelated_spaces_are_calibrated_to_nothing",
        ),
        (
            "a p value that can be 0",
            "p = (1 + int((null >= observed).sum())) / (k + 1)",
            "p = int((null >= observed).sum()) / k",
            "stats/test_null.py::test_by_hand",
        ),
    ),
)

_UNITS = (
    *_in(
        "stats",
        "units.py",
        (
            "blocks of the file order are not used",
            "if self.order.block > 1:\n            rows = row_numbers(ids)",
            "if False:\n            rows = row_numbers(ids)",
            (
                "stats/test_units.py::test_rows_are_grouped_by_blocks_only_where_order_says_so",
                "geometry/test_units_of_measure.py::test_chunks_in_file_order_are_said_and_widen_the_error_bar",
            ),
        ),
        (
            "named rows are grouped by their last bits",
            "None if norms is None else to_numpy(norms)) if named is None else named\n",
            "None if norms is None else to_numpy(norms))\n",
            ("geometry/test_units_of_measure.py::test_last_bits_of_named_rows_do_not_move_the_error_bar",),
        ),
        (
            "declared units are passed over",
            "            return declared\n",
            "            return ids\n",
            (
                "stats/test_units.py::test_rows_are_grouped_by_blocks_only_where_order_says_so",
                "geometry/test_units_of_measure.py::test_too_few_units_give_no_interval_and_say_what_to_declare",
            ),
        ),
        (
            "an interval from any number of units",
            "if self.units < LEAST_UNITS:",
            "if self.units < 2:",
            "stats/test_units.py::test_too_few_units_or_one_that_is_most_of_them_have_no_interval",
        ),
    ),
    *_in(
        "stats",
        "_mutual.py",
        (
            "float32 puts near neighbours in order",
            "gaps <= bound\n",
            "gaps <= 0\n",
            "stats/test_mutual.py::test_halved_products_give_the_same_bits_as_all_of_them",
        ),
    ),
    *_in(
        "stats",
        "file_order.py",
        (
            "rows never depend on their neighbours",
            "while z > SIGNIFICANT:",
            "while False:",
            "stats/test_units.py::test_chunks_are_found_in_the_order_of_the_file",
        ),
    ),
    *_in(
        "tasks",
        "means.py",
        (
            "items are drawn, not the groups they belong to",
            "    if groups is not None:\n        values, weights =",
            "    if False:\n        values, weights =",
            "tasks/test_retrieval.py::test_captions_of_an_image_are_drawn_together",
        ),
    ),
    *_in(
        "tasks",
        "separability.py",
        (
            "folds by row and not by thing",
            "permutation(n_groups) % folds)[group]",
            "permutation(len(u)) % folds)",
            "tasks/test_modalities.py::test_pairs_of_one_id_stay_in_one_fold_and_samples_are_said",
        ),
        (
            "a transform sees the pairs that are held out",
            "fit(u[~held], v[~held])",
            "fit(u, v)",
            "tasks/test_modalities.py::test_a_transform_sees_the_training_pairs_of_its_fold_alone",
        ),
        (
            "a sampled separability is marked exact",
            "exact=not sampled",
            "exact=True",
            "tasks/test_modalities.py::test_pairs_of_one_id_stay_in_one_fold_and_samples_are_said",
        ),
    ),
)

_SAMPLES = (
    *_in(
        "core",
        "ids.py",
        (
            "a sample is the first n rows",
            "return np.sort(hash_order(hashes, seed)[:n])",
            "return np.arange(n)",
            "core/test_ids.py::test_a_hash_sample_is_of_the_rows_and_not_of_their_positions",
        ),
    ),
    *_in(
        "stats",
        "sample.py",
        (
            "a sample of rows is the first of every block",
            'order = np.argsort(keys, kind="stable")[: self._k]',
            "order = np.arange(len(keys))[: self._k]",
            "stats/test_sample.py::test_order_and_split_do_not_matter",
        ),
        (
            "a sample of rows lets go of rows that are among the smallest",
            "self._least = self._parts[0][0][-1]",
            "self._least = self._parts[0][0][len(self._parts[0][0]) // 2]",
            "stats/test_sample.py::test_a_long_stream_copies_few_rows",
        ),
    ),
    *_in(
        "evaluation",
        "subsets.py",
        (
            "a part of the labels is the first n",
            "sample = hash_sample(hash_texts(table.texts), k, seed)",
            "sample = np.arange(k)",
            "evaluation/test_evaluate.py::test_reduced_labels_are_a_hash_sample",
        ),
    ),
    *_in(
        "evaluation",
        "scoring.py",
        (
            "a score of a part of the data is marked exact",
            "exact=self.job.subset is None,",
            "exact=True,",
            "evaluation/test_evaluate.py::test_a_score_of_a_part_of_the_data_is_not_exact",
        ),
    ),
    *_in(
        "geometry",
        "measure.py",
        (
            "a measure of sampled rows is marked exact",
            "exact=m.exact and exact,",
            "exact=m.exact,",
            "geometry/test_measure.py::test_labels_go_into_the_records",
        ),
    ),
    *_in(
        "sources",
        "text_models.py",
        (
            "texts that a model reads are the first n",
            "rows = hash_sample(hash_texts(table.texts), options.max_rows, options.seed)",
            "rows = np.arange(len(table))[: options.max_rows or None]",
            "sources/test_open.py::test_a_sample_of_sentences_is_by_hash_and_not_the_first_ones",
        ),
        (
            "a measure of sampled texts is marked exact",
            '"exact": n == total,\n        "subset": f"{n:,} of {total:,} {unit}s"',
            '"exact": True,\n        "subset": f"{n:,} of {total:,} {unit}s"',
            "sources/test_open.py::test_a_sample_of_sentences_is_by_hash_and_not_the_first_ones",
        ),
    ),
    *_in(
        "metrics",
        "_subsampled.py",
        (
            "neighbours of sampled rows are marked exact",
            "return replace(m, exact=False)",
            "return m",
            "metrics/test_neighbourhood.py::test_sampled_records_say_so",
        ),
    ),
)

_DECISIONS = (
    *_in(
        "certification",
        "noninferiority.py",
        (
            "a unit of evidence counts as often as it has rows",
            "number = np.unique(units[known], return_inverse=True)[1]",
            "number = np.arange(int(known.sum()))",
            "certification/test_noninferiority.py::test_items_of_one_unit_count_once",
        ),
        (
            "a loss is bet on as if twice the tolerance were accepted",
            "z = change + tolerance * size\n    growth",
            "z = change + 2 * tolerance * size\n    growth",
            (
                "certification/test_noninferiority.py::test_closed_form",
                "certification/test_noninferiority.py::test_a_loss_of_the_tolerance_is_certified_in_at_most_five_percent",
            ),
        ),
        (
            "the bound of a loss is what half of all runs exceed",
            "(change + t * size)).sum() >= math.log(1 / ALPHA))",
            "(change + t * size)).sum() >= 0)",
            "certification/test_noninferiority.py::test_the_bound_of_the_loss_is_that_of_the_test",
        ),
    ),
    *_in(
        "compression",
        "frontier.py",
        (
            "tests go on after one that failed",
            "        if not test.holds:\n            break",
            "        pass",
            "compression/test_compress.py::test_the_first_test_that_fails_ends_the_path",
        ),
    ),
    *_in(
        "compression",
        "search.py",
        (
            "rows beyond the nearest are never looked at again",
            "crowded = scores[:, -1] + others + _ROUNDING >= least[:, 0]",
            "crowded = np.zeros(len(q), dtype=bool)",
            "compression/test_compress.py::test_candidates_that_share_a_search_find_what_each_finds_alone",
        ),
    ),
    *_in(
        "certification",
        "evidence.py",
        (
            "two files in one order are cut into blocks of their own",
            "along = _along(mine, theirs, strongest.block)",
            "along = None",
            "certification/test_evidence.py::test_two_files_in_one_order_are_cut_into_the_same_blocks",
        ),
    ),
    *_in(
        "certification",
        "decision.py",
        (
            "certified on the part that selects",
            'judge.outcome(NOTHING, "certify"), judge.outcome(chosen, "certify")',
            'judge.outcome(NOTHING, "select"), judge.outcome(chosen, "select")',
            "certification/test_decision.py::test_what_gains_on_the_selecting_part_alone_is_refused",
        ),
        (
            "a guard is not looked at while selecting",
            'return f"makes {worse[0]} significantly worse" if worse else None',
            "return None",
            "certification/test_decision.py::test_a_guard_that_gets_worse_while_selecting_bars_a_candidate",
        ),
        (
            "a guard is not looked at while certifying",
            "if worse := worse_guards(",
            "if worse := [] and worse_guards(",
            "certification/test_decision.py::test_a_guard_that_gets_worse_while_certifying_refuses_the_gain",
        ),
        (
            "a gain without regard to its interval",
            "    if gain.low <= 0:",
            "    if gain.value <= 0:",
            "certification/test_decision.py::test_an_interval_that_holds_zero_is_no_gain",
        ),
        (
            "a gain near fitted rows alone is enough",
            "if not test.remote.holds:",
            "if False:",
            "certification/test_decision.py::test_a_gain_near_fitted_rows_alone_is_refused",
        ),
        (
            "certified intervals of few units are those of many",
            "if gain.value is None or gain.low is None or gain.high is None or units < 2:",
            "if True:",
            "certification/test_evidence.py::test_certified_intervals_of_few_units_err_at_their_level",
        ),
        (
            "any number of changed items is enough",
            "LEAST_CHANGED = 6\n",
            "LEAST_CHANGED = 0\n",
            "certification/test_decision.py::test_a_few_changed_items_are_too_few",
        ),
        (
            "a loss too rare to be seen is none",
            "return UNSHOWN * max(best) / test.n_units",
            "return 0.0",
            "certification/test_decision.py::test_a_gain_that_a_rare_loss_could_undo_is_refused",
        ),
        (
            "ties go to the last candidate",
            ")) > value:",
            ")) >= value:",
            "certification/test_decision.py::test_ties_go_to_the_simpler_one_and_first_to_the_original",
        ),
        (
            "what sees the other queries may be chosen",
            "    if candidate.transductive:",
            "    if False:",
            "certification/test_decision.py::test_what_sees_the_other_queries_is_never_chosen",
        ),
    ),
    *_in(
        "certification",
        "split.py",
        (
            "parts are split by rows and not by units",
            "        return part_numbers(clusters, seed)",
            "        return part_numbers(np.arange(len(clusters), dtype=np.uint64), seed)",
            "repairs/test_repair.py::test_captions_of_one_image_stay_together_and_ids_match_rows",
        ),
    ),
    *_in(
        "experiments",
        "_tested.py",
        (
            "chosen and tested on the same half",
            "tests = ~chooses",
            "tests = chooses",
            "experiments/test_tested.py::test_selection_on_half_is_not_fooled_by_the_luckiest_of_many",
        ),
    ),
    *_in(
        "evaluation",
        "comparisons.py",
        (
            "p values of differences are not corrected",
            "corrected = holm([pair.p for pair in pairs])",
            "corrected = list([pair.p for pair in pairs])",
            "evaluation/test_comparisons.py::test_p_values_are_corrected_over_all_differences",
        ),
    ),
    *_in(
        "metrics",
        "participation.py",
        (
            "pairs inside units are pairs of the population of the participation ratio",
            "    prepare=across_groups,\n",
            "",
            "metrics/test_bias.py::test_participation_ratio_of_chunks_is_that_of_the_population_whatever_their_number",
        ),
    ),
    *_in(
        "metrics",
        "isotropy.py",
        (
            "directions of i1 have no error",
            "    error_of_fixed=_error_of_directions,\n",
            "",
            "metrics/test_bias.py::test_i1_has_the_error_of_its_directions",
        ),
    ),
    *_in(
        "metrics",
        "rank.py",
        (
            "few rows leave the effective rank without bias",
            "return (value(parts[0]) + value(parts[1])) / 2 - value(grouped.full)",
            "return 0.0",
            "metrics/test_bias.py::test_effective_rank_says_its_bias",
        ),
    ),
    *_in(
        "diagnosis",
        "drift.py",
        (
            "p values of drift are not corrected",
            "holm([changes[i].p or 0.0 for i in tested])",
            "list([changes[i].p or 0.0 for i in tested])",
            "diagnosis/test_drift.py::test_p_values_are_corrected_over_all_numbers",
        ),
        (
            "numbers along fixed directions are tested without regard to how many they are",
            "p=min(1.0, len(family) * least.p)",
            "p=least.p",
            "diagnosis/test_drift.py::test_numbers_along_fixed_directions_are_one_test",
        ),
    ),
    *_in(
        "diagnosis",
        "sample_size.py",
        (
            "numbers that depend on the number of rows are compared",
            "(not free and _sizes(old) != _sizes(new))",
            "False",
            "diagnosis/test_drift.py::test_sizes_that_decide_a_metric_are_not_drift",
        ),
    ),
)

_FILES = (
    *_in(
        "execution",
        "checkpoint.py",
        (
            "the checksum of a kept state is not compared",
            'if hashlib.file_digest(file, "sha256").hexdigest() != node.sha256:',
            "if False:",
            "execution/test_checkpoint.py::test_what_is_damaged_or_of_another_source_is_not_used",
        ),
        (
            "the checksum of a manifest is not compared",
            'if facts.pop("sha256") != facts_sha256(facts):',
            'if facts.pop("sha256") != facts_sha256(facts) and False:',
            "faults/test_checkpoints.py::test_a_manifest_that_only_its_checksum_can_tell_is_not_used",
        ),
        (
            "rows that changed since are not noticed",
            "if old != new]",
            "if False]",
            "faults/test_checkpoints.py::test_rows_that_changed_under_the_same_time_are_measured_anew",
        ),
    ),
    *_in(
        "core",
        "atomic.py",
        (
            "a file gets its name before its bytes are on the disk",
            "    _flush(part)\n    part.replace(target)",
            "    part.replace(target)",
            (
                "core/test_atomic.py::test_bytes_reach_the_disk_before_the_name_does",
                "core/test_atomic.py::test_bytes_that_do_not_reach_the_disk_are_an_error",
            ),
        ),
        (
            "what failed stays beside the old file",
            "    finally:\n        part.unlink(missing_ok=True)",
            "    finally:\n        pass",
            "core/test_atomic.py::test_failure_keeps_the_old_file",
        ),
    ),
)

MUTATIONS: tuple[Mutation, ...] = (*_INTERVALS, *_UNITS, *_SAMPLES, *_DECISIONS, *_FILES)
