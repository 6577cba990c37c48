// General English from WordNet's glosses (package wordnet-base; Fellbaum 1998): one sense a line.
// Format of data.*: Princeton's wndb(5): "offset file type count(hex) word id ... | gloss".
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/chat_format.h"

namespace anneal {

struct Gloss {
  std::string word;                   ///< first word of the sense, blanks instead of underscores
  std::string kind;                   ///< noun, verb, adjective or adverb
  std::string definition;             ///< without examples
  std::vector<std::string> examples;  ///< without their quotation marks
};

/// All senses of data.noun, data.verb, data.adj and data.adv in `folder`, in file order. Throws
/// DataError with the package to install if a file is missing, and with file:line if one is
/// damaged.
std::vector<Gloss> read_glosses(const std::filesystem::path& folder);

/// "word: definition. Example." on one line, each part ended as a sentence.
std::string gloss_sentence(const Gloss& gloss);

/// "What does X mean?" in one of several forms, with the definition as a sentence.
ChatRecord gloss_question(const Gloss& gloss, std::uint64_t key);

}  // namespace anneal
