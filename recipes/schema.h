// The typed recipe: what one stage does, as plain structs. Every field has a default, a unit, a
// range and a one-line comment; `visit_fields` (fields.h) lists them once for reading, saving and
// help. A recipe is enough to repeat a run (architecture.md, decision 9).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace anneal {

/// What a stage does; `stage:` in the recipe.
enum class StageKind {
  kCorpus,     ///< write documents, crystals and questions from the built-in tables of facts
  kTokenizer,  ///< train a SentencePiece model on the stage's sources
  kTrain,      ///< token shards, then training (from scratch, continued, instruction, adapters)
  kGenerate,   ///< sample texts or crystals from a model
  kScore,      ///< judge crystals
  kEval,       ///< held-out losses and task scores of a checkpoint
};

struct RunOptions {
  std::string dir;  ///< run folder; "" = runs/<name>
  std::int64_t seed = 1;
};

/// Where the weights come from, and the shape when they do not come from anywhere.
struct ModelOptions {
  std::string from;        ///< Hugging Face folder, llama2.c .bin, run folder or adapter; "" = from scratch
  bool untrained = false;  ///< take only the shape (and tokenizer) of `from`, with fresh weights
  std::int64_t dim = 256;
  std::int64_t layers = 6;
  std::int64_t heads = 8;
  std::int64_t kv_heads = 0;        ///< 0 = heads (no grouping)
  std::int64_t ffn_dim = 0;         ///< 0 = 8/3 of dim, rounded up to a multiple of 32
  std::int64_t vocab_size = 0;      ///< 0 = the tokenizer's
  std::int64_t max_positions = 2048;
  double rope_theta = 10000.0;
  double norm_eps = 1e-5;
  bool tied_head = false;
  double init_std = 0.02;
};

struct TokenizerOptions {
  std::string path;             ///< tokenizer file or a folder that holds one; "" = the model's own
  std::int64_t vocab_size = 2048;
  std::int64_t max_sentences = 200000;  ///< documents sampled for training the tokenizer
  double character_coverage = 0.9995;
};

/// One source of documents.
struct SourceOptions {
  std::string kind = "text";      ///< text, jsonl, csv, crystals, chat, crystal_tasks, crystal_prompts
  std::string path;               ///< file, folder or pattern; .gz and .zst are unpacked; several: "a;b"
  std::string document = "auto";  ///< text: line, file, paragraph or auto (line, unless lines are short prose)
  std::string field = "text";     ///< jsonl: path of the text, e.g. text or meta.abstract
  std::string column = "text";    ///< csv: column of the text; crystals: column of the CIF is found by itself
  double heldout = 0.02;          ///< fraction of the documents kept for validation
  std::int64_t copies = 1;        ///< crystals: copies, each with its own random translation
  std::int64_t max_documents = 0;  ///< 0 = all
  bool translate = true;          ///< crystals: move all sites by a common random vector (LLaMat's augmentation)
  std::int64_t max_sites = 0;     ///< crystals: skip larger ones; 0 = all
  double generation_share = 0.66;  ///< crystal_prompts: generation against infill
  std::vector<std::string> tasks;  ///< crystal_tasks: which of the 13 (empty = all)
};

struct DataOptions {
  std::map<std::string, SourceOptions> sources;
  std::map<std::string, double> mixture;  ///< share of tokens by source; empty = each source once
  std::int64_t max_tokens = 0;            ///< tokens written at most, over all sources; 0 = all
  std::int64_t heldout_max_tokens = 30000;  ///< held-out tokens kept per source
  bool isolate_documents = true;          ///< packed documents never attend to each other
  std::string shards;                     ///< folder of the token shards; "" = <run.dir>/shards
  std::string answer_loss = "answer";     ///< chat: answer (loss on the answer only) or all
  std::int64_t synthetic_rows = 0;        ///< random tokens in place of sources, this many rows an epoch (benchmarks)
};

struct OptimizerOptions {
  double lr = 3e-4;
  double min_lr_ratio = 0.1;        ///< last learning rate as a fraction of lr
  std::string schedule = "cosine";  ///< cosine, linear or constant (after the warm-up)
  std::int64_t warmup_steps = -1;   ///< -1 = warmup_fraction of the steps
  double warmup_fraction = 0.02;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-5;
  double weight_decay = 0.1;
  double clip = 1.0;  ///< largest global gradient norm; 0 = no clipping
};

/// What happens to a step that is at fault: its loss or gradient is not finite, or its loss is a spike. It
/// changes no weight; after several in a row the run goes back to its last checkpoint and leaves the
/// batches at fault out; after several such returns it ends (exit code 5).
struct FaultOptions {
  std::int64_t skip_in_a_row = 5;  ///< steps at fault skipped before the run goes back
  std::int64_t rewinds = 2;        ///< times a run may go back
  double spike_z = 0;              ///< loss above the mean of the steps before by so many standard deviations; 0 = off
  std::int64_t spike_window = 128;  ///< steps that mean and deviation are taken over (16 are needed)
};

struct TrainOptions {
  std::int64_t steps = 0;        ///< optimizer steps; 0 = from epochs
  double epochs = 1.0;
  std::int64_t global_batch = 16;  ///< rows a step over all ranks
  std::int64_t micro_batch = 0;    ///< rows a rank takes through the model at once; 0 = all its rows
  std::int64_t sequence_length = 256;  ///< tokens a row
  std::int64_t checkpoint_every = 0;   ///< steps; 0 = only at the end
  std::int64_t keep_checkpoints = 2;   ///< newest ones kept
  std::int64_t keep_every = 0;         ///< checkpoints of steps that this divides stay for good; 0 = none
  std::int64_t keep_best = 0;          ///< checkpoints with the lowest mean held-out loss kept; 0 = none
  std::string checkpoint_writing = "background";  ///< background (a copy, by a thread) or wait
  std::string walltime;                ///< the run saves and leaves (exit code 6) before so much time; "" = no limit
  std::int64_t validate_every = 0;     ///< steps; 0 = at the start and the end
  std::string activation_checkpointing = "none";  ///< none, selective or full
  std::int64_t replicate = 1;    ///< copies of the sharded model; ranks / replicate ranks share one
  std::int64_t prefetch = 1;     ///< blocks gathered ahead of the one that is computed
  std::string accumulation = "sharded";  ///< micro-batches are added up after their exchange, or before it: full
  std::vector<std::string> freeze;       ///< parameters whose name contains one of these are not trained
  std::string reshard = "auto";  ///< after a block's forward pass: always, never (until the step ends), auto
  std::string device = "auto";     ///< cpu, cuda, or auto: cuda where the build has it and there are GPUs
  std::string precision = "fp32";  ///< of gathered weights and activations: fp32 or bf16; masters are fp32
  std::string reduce = "fp32";     ///< of full gradients and their exchange, with precision bf16: fp32 or bf16
  std::int64_t threads = 0;            ///< compute threads a rank; 0 = cores / ranks on this node
  double watchdog_s = 600;             ///< a collective that takes longer ends the job (exit code 4)
  FaultOptions faults;
  OptimizerOptions optimizer;
};

struct AdapterOptions {
  std::string kind = "none";  ///< none or lora
  std::int64_t r = 8;
  double alpha = 32;
  double dropout = 0.05;
  std::vector<std::string> targets = {"q_proj", "v_proj"};
};

struct GenerateOptions {
  std::int64_t count = 100;
  std::string what = "crystals";  ///< crystals or text
  std::string prompt;             ///< "" = the crystal prompt of the model's training
  std::string prompts;            ///< JSONL file of prompts (field prompt, or system and question)
  double temperature = 0.9;
  double top_p = 0.9;
  std::int64_t max_tokens = 500;
  std::int64_t batch = 64;
  bool grammar = true;            ///< crystals: sample under the grammar of the crystal string
  std::int64_t min_sites = 1;     ///< crystals: fewest sites the grammar allows
  std::int64_t max_sites = 20;    ///< crystals: most sites the grammar allows
  double max_length_a = 99.9;     ///< crystals: longest cell edge the grammar allows, Angstrom
  std::vector<std::string> conditions;  ///< crystals: e.g. "pretty_formula: LiFeO2"
};

struct JudgeOptions {
  std::string input;          ///< crystals to judge (any INPUT of `anneal score`)
  std::string baseline;       ///< the untrained model's crystals, scored beside
  std::string unconstrained;  ///< crystals sampled without the grammar, scored beside
  std::string reference;      ///< real crystals, scored beside
  double min_distance = 0.5;  ///< shortest distance between two sites that is valid, Angstrom
  std::vector<std::string> families;  ///< rules besides CDVAE's: symmetry, crystallm, lemat, self_images; or all
  double struct_cutoff = 0.4;  ///< coverage of `reference`: largest distance of structure fingerprints
  double comp_cutoff = 10;     ///< coverage of `reference`: largest distance of composition fingerprints
  std::int64_t compare = 10000;  ///< crystals of a set that are compared with `reference`; 0 = all
  bool stability = false;  ///< energies by CHGNet of all sets but `reference`
  bool relax = true;       ///< stability: of relaxed crystals
  std::string hull;        ///< stability: known phases, entries or crystals; several: "a;b"
};

struct CorpusOptions {
  std::string crystals = "builtin";      ///< builtin or a CSV of crystals
  std::string general = "/usr/share/wordnet";  ///< folder of WordNet's data.* files (package wordnet-base)
  std::int64_t documents = 12000;        ///< materials documents written
  std::int64_t min_sites = 1;            ///< smallest crystal used
  std::int64_t max_sites = 12;           ///< largest crystal used
  std::int64_t questions = 4000;         ///< question-answer records written for the Chat stages
  double heldout = 0.1;                  ///< fraction of the crystals kept as reference, never trained on
};

/// One stage. Sections that the stage's kind does not use keep their defaults.
struct Recipe {
  std::string name;
  StageKind stage = StageKind::kTrain;
  RunOptions run;
  ModelOptions model;
  TokenizerOptions tokenizer;
  DataOptions data;
  TrainOptions train;
  AdapterOptions adapter;
  GenerateOptions generate;
  JudgeOptions score;
  CorpusOptions corpus;
};

struct PipelineStage {
  std::string name;    ///< also the stage's folder in the pipeline's run folder
  std::string recipe;  ///< file, relative to the pipeline's file
};

struct Pipeline {
  std::string name;
  RunOptions run;
  std::vector<PipelineStage> stages;
};

}  // namespace anneal
