// The one list of all recipe fields: key, member, range, unit and help. A visitor sees
//   v.field(key, member, Rule, help)   for values,
//   v.section(key, struct)             for nested structs,
//   v.named_sections(key, map)         for maps from a name to a struct.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "recipes/schema.h"

namespace anneal {

/// What a field accepts. Numbers: [low, high]; strings: one of `choices` (empty: any).
struct Rule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};
  bool required = false;
};

inline Rule at_least(double low) { return {.low = low}; }
inline Rule between(double low, double high) { return {.low = low, .high = high}; }
inline Rule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

template <class V>
void visit_fields(V& v, RunOptions& o) {
  v.field("dir", o.dir, Rule{}, "run folder; empty: runs/<name>");
  v.field("seed", o.seed, at_least(0), "seed of weights, order and sampling");
}

template <class V>
void visit_fields(V& v, ModelOptions& o) {
  v.field("from", o.from, Rule{}, "Hugging Face folder, llama2.c .bin, run folder or adapter; empty: from scratch");
  v.field("untrained", o.untrained, Rule{}, "only the shape of `from`, with fresh weights");
  v.field("dim", o.dim, between(8, 65536), "width of the residual stream");
  v.field("layers", o.layers, between(1, 1000), "blocks");
  v.field("heads", o.heads, between(1, 1024), "attention heads");
  v.field("kv_heads", o.kv_heads, between(0, 1024), "key/value heads; 0: as many as heads");
  v.field("ffn_dim", o.ffn_dim, between(0, 1048576), "width of the feed-forward layer; 0: 8/3 of dim");
  v.field("vocab_size", o.vocab_size, between(0, 10000000), "rows of the embedding; 0: the tokenizer's");
  v.field("max_positions", o.max_positions, between(8, 100000000), "longest position, tokens");
  v.field("rope_theta", o.rope_theta, at_least(1), "base of the rotary frequencies");
  v.field("norm_eps", o.norm_eps, between(0, 0.1), "epsilon of RMSNorm");
  v.field("tied_head", o.tied_head, Rule{}, "head shares the embedding");
  v.field("init_std", o.init_std, between(0, 10), "standard deviation of fresh weights");
}

template <class V>
void visit_fields(V& v, TokenizerOptions& o) {
  v.field("path", o.path, Rule{}, "tokenizer file (.model, tokenizer.json) or a folder with one; empty: the model's own");
  v.field("vocab_size", o.vocab_size, between(300, 1000000), "pieces of a tokenizer that is trained");
  v.field("max_sentences", o.max_sentences, at_least(100), "documents sampled for its training");
  v.field("character_coverage", o.character_coverage, between(0.9, 1), "share of characters that get a piece of their own");
}

template <class V>
void visit_fields(V& v, SourceOptions& o) {
  v.field("kind", o.kind,
          one_of({"text", "jsonl", "csv", "crystals", "chat", "crystal_tasks", "crystal_prompts"}),
          "what the files hold");
  v.field("path", o.path, Rule{.required = true}, "file, folder or pattern; several: a;b; .gz and .zst are unpacked");
  v.field("document", o.document, one_of({"auto", "line", "file", "paragraph"}), "text: what one document is");
  v.field("field", o.field, Rule{}, "jsonl: path of the text, e.g. meta.abstract");
  v.field("column", o.column, Rule{}, "csv: column of the text");
  v.field("heldout", o.heldout, between(0, 0.5), "fraction of documents kept for validation");
  v.field("copies", o.copies, between(1, 1000), "crystals: copies, each with its own random translation");
  v.field("translate", o.translate, Rule{}, "crystals: move all sites by a common random vector");
  v.field("max_documents", o.max_documents, at_least(0), "documents read at most; 0: all");
  v.field("max_sites", o.max_sites, at_least(0), "crystals: skip larger ones; 0: none");
  v.field("generation_share", o.generation_share, between(0, 1), "crystal_prompts: generation against infill");
  v.field("tasks", o.tasks, Rule{}, "crystal_tasks: which of the 13, or all; NAME:short for a short CIF");
}

template <class V>
void visit_fields(V& v, DataOptions& o) {
  v.named_sections("sources", o.sources, "the sources, by name");
  v.field("mixture", o.mixture, between(0, 1), "share of the tokens by source; empty: each source once");
  v.field("max_tokens", o.max_tokens, at_least(0), "tokens written at most; 0: all");
  v.field("heldout_max_tokens", o.heldout_max_tokens, at_least(0), "held-out tokens kept per source");
  v.field("isolate_documents", o.isolate_documents, Rule{}, "packed documents never attend to each other");
  v.field("shards", o.shards, Rule{}, "folder of the token shards; empty: <run.dir>/shards");
  v.field("answer_loss", o.answer_loss, one_of({"answer", "all"}), "chat: loss on the answer only, or on all");
  v.field("synthetic_rows", o.synthetic_rows, at_least(0), "rows of random tokens an epoch, in place of sources; no model is written (benchmarks); 0: none");
}

template <class V>
void visit_fields(V& v, OptimizerOptions& o) {
  v.field("lr", o.lr, between(0, 10), "highest learning rate");
  v.field("min_lr_ratio", o.min_lr_ratio, between(0, 1), "last learning rate as a fraction of lr");
  v.field("schedule", o.schedule, one_of({"cosine", "linear", "constant"}), "after the warm-up");
  v.field("warmup_steps", o.warmup_steps, at_least(-1), "-1: warmup_fraction of the steps");
  v.field("warmup_fraction", o.warmup_fraction, between(0, 1), "of the steps");
  v.field("beta1", o.beta1, between(0, 1), "AdamW");
  v.field("beta2", o.beta2, between(0, 1), "AdamW");
  v.field("eps", o.eps, between(0, 1), "AdamW");
  v.field("weight_decay", o.weight_decay, between(0, 10), "AdamW, on matrices only");
  v.field("clip", o.clip, at_least(0), "largest global gradient norm; 0: no clipping");
}

template <class V>
void visit_fields(V& v, FaultOptions& o) {
  v.field("skip_in_a_row", o.skip_in_a_row, at_least(0), "steps at fault (loss or gradient not finite, or a spike) skipped before the run goes back to its last checkpoint");
  v.field("rewinds", o.rewinds, at_least(0), "times a run may go back, leaving out the batches at fault; then exit code 5");
  v.field("spike_z", o.spike_z, at_least(0), "standard deviations above the mean of the steps before that make a loss a spike; 0: off");
  v.field("spike_window", o.spike_window, between(16, 100000), "steps that mean and deviation are taken over");
}

template <class V>
void visit_fields(V& v, TrainOptions& o) {
  v.field("steps", o.steps, at_least(0), "optimizer steps; 0: from epochs");
  v.field("epochs", o.epochs, at_least(0), "passes over the rows, when steps is 0");
  v.field("global_batch", o.global_batch, at_least(1), "rows a step, over all ranks");
  v.field("micro_batch", o.micro_batch, at_least(0), "rows a rank takes at once; 0: all its rows");
  v.field("sequence_length", o.sequence_length, between(8, 10000000), "tokens a row");
  v.field("checkpoint_every", o.checkpoint_every, at_least(0), "steps; 0: only at the end");
  v.field("keep_checkpoints", o.keep_checkpoints, at_least(1), "newest ones kept; 1 leaves none to fall back on if it is damaged");
  v.field("keep_every", o.keep_every, at_least(0), "checkpoints of steps that this divides stay for good; 0: none");
  v.field("keep_best", o.keep_best, at_least(0), "checkpoints with the lowest mean held-out loss that stay; 0: none");
  v.field("checkpoint_writing", o.checkpoint_writing, one_of({"background", "wait"}), "background: slices are copied and written while training goes on; wait: no copy, training stands still");
  v.field("walltime", o.walltime, Rule{}, "save and leave (exit code 6) before this much time since the start: 3h 50m, 03:50:00, 1-00:00:00 or seconds; empty: no limit");
  v.field("validate_every", o.validate_every, at_least(0), "steps; 0: at the start and the end");
  v.field("activation_checkpointing", o.activation_checkpointing, one_of({"none", "selective", "full"}), "what the backward pass recomputes: nothing, all but attention, whole blocks");
  v.field("replicate", o.replicate, at_least(1), "copies of the sharded model; each is spread over ranks / replicate ranks");
  v.field("prefetch", o.prefetch, between(0, 64), "blocks gathered ahead of the one that is computed");
  v.field("accumulation", o.accumulation, one_of({"sharded", "full"}), "how micro-batches add up: gradients exchanged each time, or kept in full and exchanged once");
  v.field("freeze", o.freeze, Rule{}, "parameters whose name contains one of these are not trained: [embed_tokens, norm]");
  v.field("reshard", o.reshard, one_of({"auto", "always", "never"}), "free a block's gathered weights after its forward pass; auto: unless all of them are small (256 MiB)");
  v.field("device", o.device, one_of({"auto", "cpu", "cuda"}), "where the model lives; auto: a GPU a rank, where the program is built for it and there are any");
  v.field("precision", o.precision, one_of({"fp32", "bf16"}), "of gathered weights and activations; masters and moments are fp32");
  v.field("reduce", o.reduce, one_of({"fp32", "bf16"}), "of full gradients and their exchange, with precision: bf16");
  v.field("threads", o.threads, between(0, 4096), "compute threads a rank; 0: cores / ranks");
  v.field("watchdog_s", o.watchdog_s, at_least(1), "seconds a collective may take");
  v.section("faults", o.faults, "steps at fault: skip, go back, end");
  v.section("optimizer", o.optimizer, "AdamW and its schedule");
}

template <class V>
void visit_fields(V& v, AdapterOptions& o) {
  v.field("kind", o.kind, one_of({"none", "lora"}), "none: all parameters are trained");
  v.field("r", o.r, between(1, 4096), "rank");
  v.field("alpha", o.alpha, at_least(0), "the update is scaled by alpha / r");
  v.field("dropout", o.dropout, between(0, 0.99), "on the adapter's input");
  v.field("targets", o.targets, one_of({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}), "matrices that get an adapter");
}

template <class V>
void visit_fields(V& v, GenerateOptions& o) {
  v.field("count", o.count, at_least(1), "samples");
  v.field("what", o.what, one_of({"crystals", "text"}), "crystals or text");
  v.field("prompt", o.prompt, Rule{}, "empty: the crystal prompt");
  v.field("prompts", o.prompts, Rule{}, "JSONL of prompts (prompt, or system and question)");
  v.field("temperature", o.temperature, between(0, 100), "0: greedy");
  v.field("top_p", o.top_p, between(0, 1), "nucleus sampling");
  v.field("max_tokens", o.max_tokens, at_least(1), "new tokens a sample");
  v.field("batch", o.batch, at_least(1), "samples decoded together");
  v.field("grammar", o.grammar, Rule{}, "crystals: sample under the grammar of the crystal string");
  v.field("min_sites", o.min_sites, between(1, 1000), "crystals: fewest sites the grammar allows");
  v.field("max_sites", o.max_sites, between(1, 1000), "crystals: most sites the grammar allows");
  v.field("max_length_a", o.max_length_a, between(1, 99.9), "crystals: longest cell edge the grammar allows, Angstrom");
  v.field("conditions", o.conditions, Rule{}, "crystals: lines such as \"pretty_formula: LiFeO2\"");
}

template <class V>
void visit_fields(V& v, JudgeOptions& o) {
  v.field("input", o.input, Rule{}, "crystals to judge");
  v.field("baseline", o.baseline, Rule{}, "the untrained model's crystals, scored beside");
  v.field("unconstrained", o.unconstrained, Rule{}, "crystals sampled without the grammar, scored beside");
  v.field("reference", o.reference, Rule{}, "real crystals, scored beside and compared with");
  v.field("min_distance", o.min_distance, between(0, 10), "shortest distance that is valid, Angstrom");
  v.field("families", o.families, one_of({"symmetry", "crystallm", "lemat", "self_images", "all"}), "judged besides");
  v.field("struct_cutoff", o.struct_cutoff, at_least(0), "coverage: largest distance of structure fingerprints");
  v.field("comp_cutoff", o.comp_cutoff, at_least(0), "coverage: largest distance of composition fingerprints");
  v.field("compare", o.compare, at_least(0), "crystals of a set that are compared with the reference; 0: all");
  v.field("stability", o.stability, Rule{}, "energies by CHGNet, of all sets but the reference");
  v.field("relax", o.relax, Rule{}, "stability of relaxed crystals");
  v.field("hull", o.hull, Rule{}, "known phases: entries or crystals; several: a;b");
}

template <class V>
void visit_fields(V& v, CorpusOptions& o) {
  v.field("crystals", o.crystals, Rule{}, "builtin, or a CSV of crystals");
  v.field("general", o.general, Rule{}, "folder of WordNet's data.* files (package wordnet-base)");
  v.field("documents", o.documents, at_least(1), "materials documents written");
  v.field("min_sites", o.min_sites, at_least(1), "smallest crystal used");
  v.field("max_sites", o.max_sites, at_least(1), "largest crystal used");
  v.field("questions", o.questions, at_least(1), "question-answer records written");
  v.field("heldout", o.heldout, between(0, 0.5), "fraction of crystals kept as reference");
}

template <class V>
void visit_fields(V& v, Recipe& r) {
  v.field("name", r.name, Rule{}, "name of the run; empty: the file's name");
  v.field("stage", r.stage, one_of({"corpus", "tokenizer", "train", "generate", "score", "eval"}), "what the stage does");
  v.section("run", r.run, "run folder and seed");
  v.section("model", r.model, "the model, or where it comes from");
  v.section("tokenizer", r.tokenizer, "the tokenizer");
  v.section("data", r.data, "sources, mixture, shards");
  v.section("train", r.train, "training");
  v.section("adapter", r.adapter, "parameter-efficient training");
  v.section("generate", r.generate, "sampling");
  v.section("score", r.score, "judging crystals");
  v.section("corpus", r.corpus, "documents from the built-in facts");
}

/// The pipeline's own keys; its list `stages` is read beside them.
template <class V>
void visit_fields(V& v, Pipeline& p) {
  v.field("name", p.name, Rule{}, "name of the pipeline; empty: the file's folder or name");
  v.section("run", p.run, "run folder and seed of all stages");
}

}  // namespace anneal
