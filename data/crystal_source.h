// Sources of crystals: every row of a table (or file of a folder) of crystals becomes documents.
//   crystals         the crystal string, `copies` times under random translations; loss on all of
//   it crystal_tasks    `copies` of the 13 instruction tasks, dealt out evenly, as chat documents;
//   an entry
//                    of `tasks` such as "atom_count:short" shows a short CIF (for small contexts),
//                    "all" and "all:short" stand for all 13
//   crystal_prompts  CrystalLLM's mix: generation (`generation_share`, with optional conditions) or
//                    infill; the prompt without loss, the answer with loss, then the end of text
// Translations, tasks and prompts depend on the rows, the options and the seed only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "data/crystal_tasks.h"
#include "data/document_reader.h"
#include "recipes/schema.h"

namespace anneal {

/// Documents of a source of kind `crystals`, `crystal_tasks` or `crystal_prompts`, in the order of
/// the rows; all documents of a row have the same origin ("file#row"). Rows that hold no readable
/// crystal or one of more than `max_sites` sites are left out and counted in note(). Throws
/// DataError if a file has no crystals or nothing remains, UsageError for an unknown task.
std::unique_ptr<DocumentReader> open_crystal_source(const std::string& name,
                                                    const SourceOptions& options,
                                                    std::uint64_t seed);

/// One document of CrystalLLM's mix. Of the conditions that the table answers (formation energy,
/// band gap, energy above hull, space group number) a random number is given, none to all; if any
/// is, the formula stands before them.
Document crystal_prompt_document(const DescribedCrystal& described, double generation_share,
                                 Random& random);

}  // namespace anneal
