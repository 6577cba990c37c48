#include "data/corpus_questions.h"

#include <span>
#include <utility>

#include "base/random.h"
#include "data/corpus_frames.h"
#include "data/corpus_words.h"

namespace anneal {
namespace {

/// A question and its answer; both use the blanks of the sentence frames.
struct Pair {
  std::string_view question, answer;
};
using PairGroup = std::vector<Pair>;

const PairGroup kAboutCrystal[] = {
    {{"What is the density of {formula}?", "The density of {formula} is {density} g/cm3."},
     {"How dense is {formula}?", "{Formula} has a density of {density} g/cm3."},
     {"Give the density of crystalline {formula}.", "{density} g/cm3."}},
    {{"What is the space group of {formula}?", "{Formula} crystallises in space group {sg}."},
     {"In which space group does {formula} crystallise?", "In space group {sg}, number {sgn}."},
     {"Name the space group of {formula} and its number.", "{sg}, number {sgn}."}},
    {{"Which crystal system does {formula} belong to?",
      "{Formula} belongs to the {system} system."},
     {"Is {formula} cubic?", "The crystal system of {formula} is {system}."},
     {"What is the crystal system of {formula}?", "It is {system}."}},
    {{"Which elements does {formula} contain?", "{Formula} contains {elements}."},
     {"What is {formula} made of?", "It is made of {elements}."},
     {"List the elements in {formula}.", "{Elements}."}},
    {{"What does the formula {formula} stand for?", "It stands for {unit}."},
     {"How many atoms of each kind are in a formula unit of {formula}?", "There are {unit}."}},
    {{"What are the lattice parameters of {formula}?",
      "The cell edges are a = {a}, b = {b} and c = {c} angstrom; the angles are {alpha}, {beta} "
      "and "
      "{gamma} degrees."},
     {"How long are the cell edges of {formula}?", "They are {a}, {b} and {c} angstrom long."}},
    {{"How many atoms are in the unit cell of {formula}?",
      "There are {natoms} atoms: {cell_atoms}."},
     {"Which atoms does the cell of {formula} hold?", "It holds {cell_atoms}."}},
    {{"What is the volume of the unit cell of {formula}?",
      "The cell has a volume of {volume} cubic angstrom."},
     {"How much space does an atom take in {formula}?",
      "On average {atom_volume} cubic angstrom."}},
    {{"How close do atoms come to each other in {formula}?",
      "The shortest distance is {dmin} angstrom, between {pair}."},
     {"Which atoms are nearest neighbours in {formula}?",
      "The closest are {pair}, {dmin} angstrom apart."}},
    {{"What is the molar mass of {formula}?", "It is {molar_mass} g/mol."},
     {"How much does one mole of {formula} weigh?", "One mole weighs {molar_mass} grams."}},
    {{"What do I need for ten grams of {formula}?", "You need {batch}."},
     {"How much of each element is in ten grams of {formula}?", "Ten grams contain {batch}."}},
    {{"How much of the mass of {formula} is {part}?",
      "{Part} makes up {mass_percent} percent of the mass."},
     {"What is the mass fraction of {part} in {formula}?", "It is {mass_percent} percent."}},
    {{"Which element in {formula} is the most electronegative?",
      "{Anion_element}, with {en_high} on Pauling's scale."},
     {"How do the elements of {formula} differ in electronegativity?",
      "{Cation_element} has {en_low} and {anion_element} {en_high}, a difference of "
      "{en_difference}."}},
    {{"Which oxidation states make {formula} charge neutral?",
      "The charges balance with {charges}."},
     {"Assign oxidation states to {formula}.", "{Charges}."}},
    {{"What kind of compound is {formula}?", "{Formula} is {a_class}."},
     {"What kind of compound is {formula}?",
      "It is an {intermetallic}: all of its elements are metals."}},
    {{"Which is the heaviest element in {formula}?", "The heaviest is {heaviest}."},
     {"Which element of {formula} is the lightest?", "The lightest is {lightest}."}},
};

const PairGroup kAboutTwo[] = {
    {{"Which is denser, {formula} or {other}?",
      "{Denser} is denser: {dense_high} against {dense_low} g/cm3."},
     {"Is {lighter} lighter than {denser}?",
      "Yes, {lighter} has {dense_low} g/cm3 and {denser} {dense_high} g/cm3."}},
    {{"Do {formula} and {other} have the same space group?",
      "Yes, both have space group {same_sg}."},
     {"Do {formula} and {other} have the same space group?",
      "No, {formula} has {sg} and {other} has {other_sg}."}},
    {{"Which elements do {formula} and {other} have in common?", "Both contain {common}."},
     {"What does {formula} contain that {other} does not?",
      "Only {formula} contains {only_first}."}},
    {{"In which of {formula} and {other} are the atoms packed more closely?",
      "In {tight}: an atom takes {tight_volume} cubic angstrom there and {roomy_volume} in "
      "{roomy}."}},
    {{"Which has more atoms in its cell, {formula} or {other}?",
      "{Larger}, with {larger_natoms} atoms against {smaller_natoms}."}},
};

const PairGroup kAboutGap[] = {
    {{"What is the band gap of {formula}?", "The band gap of {formula} is {gap} eV."},
     {"What is the band gap of {formula}?", "{Formula} is{metallic} a metal and has no band gap."},
     {"How large is the band gap of {formula}?", "It is {gap} eV."},
     {"How large is the band gap of {formula}?", "It is zero:{metallic} {formula} is a metal."}},
    {{"Is {formula} a metal or a semiconductor?", "{Formula} is {a_gap_class}."},
     {"Does {formula} conduct electricity like a metal?", "Yes,{metallic} no band gap was found."},
     {"Does {formula} conduct electricity like a metal?", "No, it has a band gap of {gap} eV."}},
    {{"Which wavelength of light corresponds to the band gap of {formula}?",
      "A gap of {gap} eV corresponds to {wavelength} nm."}},
    {{"Which elements are in {formula}?", "{Formula} contains {elements}."}},
};

const PairGroup kAboutGaps[] = {
    {{"Which has the wider band gap, {wider} or {narrower}?",
      "{Wider} has the wider gap, by {gap_difference} eV."},
     {"Which has the wider band gap, {narrower} or {wider}?", "{Wider}, with {wide_gap} eV."}},
};

const PairGroup kAboutElement[] = {
    {{"What is the symbol of {name}?", "The symbol of {name} is {symbol}."},
     {"Which element has the symbol {symbol}?", "{symbol} stands for {name}."},
     {"What is the atomic number of {name}?", "It is {z}."},
     {"Which element has the atomic number {z}?", "{Name}."}},
    {{"What family of elements does {name} belong to?", "{Name} is {a_family}."},
     {"What kind of element is {name}?", "It is {a_family}."}},
    {{"Which oxidation states does {name} have?",
      "Known oxidation states of {name} are {states}."}},
    {{"What is the atomic mass of {name}?", "It is {mass} atomic mass units."},
     {"How electronegative is {name}?", "On Pauling's scale {name} has {en}."}},
    {{"Name some crystals that contain {name}.", "{crystals} contain {name}."}},
};

const std::vector<std::string_view> kSystems = {
    "You are a materials scientist. Answer the question.",
    "You know the facts about many crystals. Answer in a sentence.",
    "Use your knowledge of materials to answer briefly.",
    "You are an assistant for questions about materials.",
    "As an expert in solid-state chemistry, give a short answer.",
    "Answer the following question about materials.",
    "You help researchers with data on materials.",
};

/// A random pair of a random group, of those whose blanks are all known; false if there is none.
bool choose(std::span<const PairGroup> groups, const Words& words, Random& random,
            ChatRecord& record) {
  for (int attempt = 0; attempt < 50; ++attempt) {
    const auto& group = groups[random.below(groups.size())];
    const auto& [question, answer] = group[random.below(group.size())];
    if (!can_fill(question, words) || !can_fill(answer, words)) continue;
    record.question = fill(question, words);
    record.answer = fill(answer, words);
    return true;
  }
  return false;
}

}  // namespace

ChatRecord materials_question(const CorpusFacts& facts, std::uint64_t seed, std::uint64_t index) {
  Random random(derive_key({seed, name_key("materials question"), index}));
  ChatRecord record;
  record.system = kSystems[random.below(kSystems.size())];
  const auto any_crystal = [&]() -> const CorpusCrystal& {
    return facts.train[random.below(facts.train.size())];
  };
  const auto any_gap = [&]() -> const BandGap& {
    return facts.gaps[random.below(facts.gaps.size())];
  };
  for (bool done = false; !done;) {
    const auto kind = random.below(20);
    if (kind < 10) {
      done = choose(kAboutCrystal, crystal_words(any_crystal(), facts, random), random, record);
    } else if (kind < 13) {
      const auto &first = any_crystal(), &second = any_crystal();
      if (first.formula == second.formula && facts.train.size() > 1) continue;
      done = choose(kAboutTwo, comparison_words(first, second, facts, random), random, record);
    } else if (kind < 17) {
      done = choose(kAboutGap, gap_words(any_gap(), random), random, record);
    } else if (kind < 19) {
      done = choose(kAboutGaps, gap_pair_words(any_gap(), any_gap()), random, record);
    } else {
      const auto counts = any_crystal().crystal.composition();
      auto z = counts.begin();
      std::advance(z, random.below(counts.size()));
      std::vector<std::size_t> with_element;
      for (std::size_t i = 0; i < facts.train.size(); ++i) {
        if (facts.train[i].crystal.composition().count(z->first)) with_element.push_back(i);
      }
      done = choose(kAboutElement, element_words(z->first, facts, with_element, random), random,
                    record);
    }
  }
  return record;
}

}  // namespace anneal
