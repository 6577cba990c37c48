#include "data/corpus_frames.h"

#include <cctype>
#include <stdexcept>

namespace anneal {
namespace {

/// Calls `take(text, is_blank)` for every piece of a frame.
template <class F>
void pieces(std::string_view frame, F&& take) {
  while (!frame.empty()) {
    const auto open = frame.find('{');
    if (open != 0) take(frame.substr(0, open), false);
    if (open == std::string_view::npos) return;
    const auto close = frame.find('}', open);
    if (close == std::string_view::npos) throw std::logic_error("frame with an open brace");
    take(frame.substr(open + 1, close - open - 1), true);
    frame.remove_prefix(close + 1);
  }
}

bool upper(char c) { return c >= 'A' && c <= 'Z'; }

std::string key_of(std::string_view blank) {
  std::string key(blank);
  if (!key.empty() && upper(key[0])) key[0] = static_cast<char>(std::tolower(key[0]));
  return key;
}

// The blanks are filled in by corpus_words.cpp. Wording: our own. A blank in the middle of a
// sentence may be there only as a condition, and empty: {metallic}, {right}, {clear}, {infrared},
// {visible}.
const FrameGroup kCrystal[] = {
    // opening: what it is made of
    {"{Formula} is {a_arity} compound of {elements}.",
     "The {arity} compound {formula} is made of {elements}.",
     "{Formula} unites {elements} in one crystal.", "The crystal {formula} consists of {elements}.",
     "Crystals of {formula} hold {elements}.",
     "{Formula}, {a_arity} material, is built from {elements}.",
     "In solid {formula}, {elements} share one lattice.", "{Formula} is a crystal of pure {pure}.",
     "The element {pure} forms the crystal {formula}.",
     "{Formula} crystallises with {elements} in a common lattice.",
     "We consider {formula}, whose atoms are {elements}."},
    // the simplest formula in words
    {"One formula unit holds {unit}.", "Its formula stands for {unit}.",
     "The composition is {unit}.", "Read in words, the formula means {unit}."},
    // symmetry
    {"{It} crystallises in space group {sg}, number {sgn}.",
     "The space group is {sg} (number {sgn}).", "{Its} symmetry is described by space group {sg}.",
     "Its atoms are arranged with the symmetry of space group {sg}, which is number {sgn} of 230.",
     "{It} adopts space group {sg}.", "The structure has {system} symmetry, space group {sg}."},
    {"The crystal system is {system}.", "{It} belongs to the {system} system.",
     "{It} is {a_system} crystal.", "The lattice is {system}.",
     "Its space group makes {it} {system}."},
    {"The letter {centring} in the symbol {sg} stands for a {centred} lattice.",
     "Its conventional cell is {centred}, as the letter {centring} of the symbol says.",
     "Lattice points lie as in a {centred} cell."},
    {"The symbol {sg} names a screw axis {screw}.",
     "Among the symmetry elements is the screw axis {screw}.",
     "A screw axis {screw} turns and shifts the atoms into each other."},
    // density
    {"{Its} density is {density} g/cm3.", "{It} has a density of {density} g/cm3.",
     "At {density} grams per cubic centimetre, {it} is {density_word}.",
     "With {density} g/cm3 {it} counts as {density_word}.",
     "A cubic centimetre weighs {density} grams.",
     "The calculated density amounts to {density} g/cm3, so {it} is {density_word}."},
    // cell
    {"The cell edges are a = {a}, b = {b} and c = {c} angstrom.",
     "{Its} lattice parameters are a = {a}, b = {b} and c = {c} angstrom.",
     "Along its three axes the cell measures {a}, {b} and {c} angstrom.",
     "The relaxed cell has edges of {a}, {b} and {c} angstrom.",
     "All three edges of the cell measure {edge} angstrom.",
     "The three cell edges are equal, {edge} angstrom each."},
    {"The cell angles are {alpha}, {beta} and {gamma} degrees.",
     "Between its axes the cell has angles of {alpha}, {beta} and {gamma} degrees.",
     "Alpha is {alpha}, beta {beta} and gamma {gamma} degrees.",
     "All {right}angles of the cell are right angles.",
     "The axes of the cell stand at {right}right angles to each other."},
    {"The cell has a volume of {volume} cubic angstrom.",
     "One cell takes {volume} cubic angstrom, which is {atom_volume} for each atom.",
     "Each atom has {atom_volume} cubic angstrom to itself on average.",
     "The volume of the cell is {volume} cubic angstrom.",
     "In a cell of {volume} cubic angstrom there is room for {natoms} atoms."},
    {"The cell contains {natoms} atoms: {cell_atoms}.",
     "There are {natoms} atoms in the cell, namely {cell_atoms}.",
     "{Natoms} atoms, {cell_atoms}, repeat through the crystal.",
     "In each cell there are {cell_atoms}.", "The repeating unit is a cell with {cell_atoms}."},
    {"The number density is {number_density} atoms per cubic nanometre.",
     "A cubic nanometre holds {number_density} atoms.",
     "Per cubic nanometre there are about {number_density} atoms."},
    // distances
    {"The shortest distance between atoms, {dmin} angstrom, is that between {pair}.",
     "Its nearest neighbours are {pair}, {dmin} angstrom apart.",
     "No two atoms come closer than {dmin} angstrom, the distance between {pair}.",
     "{Pair} are the closest atoms, at {dmin} angstrom.",
     "The closest contact joins {pair} at {dmin} angstrom.",
     "Atoms approach each other to {dmin} angstrom."},
    {"The (001) planes are {d001} angstrom apart.",
     "Lattice planes (001) follow each other every {d001} angstrom.",
     "With copper radiation of 1.5406 angstrom, Bragg's law gives a diffraction angle of {theta} "
     "degrees "
     "for the (001) planes, which are {d001} angstrom apart.",
     "The spacing of the (001) planes, {d001} angstrom, corresponds to a Bragg angle 2 theta of "
     "{theta} "
     "degrees for copper radiation."},
    // composition
    {"By mass {it} is {mass_percent} percent {part}.",
     "{Part} makes up {mass_percent} percent of the mass.",
     "{Mass_percent} percent of the weight is {part}.",
     "The mass fraction of {part} is {mass_percent} percent."},
    {"Of all atoms, {atom_percent} percent are {other_part}.",
     "{Other_part} accounts for {atom_percent} percent of the atoms.",
     "Counted by atoms, {it} is {atom_percent} percent {other_part}."},
    {"{Heaviest} is the heaviest of its elements and {lightest} the lightest.",
     "Its heaviest atoms are those of {heaviest}, its lightest those of {lightest}.",
     "From {lightest} to {heaviest}, its elements span the atomic numbers {z_low} to {z_high}."},
    {"A formula unit weighs {molar_mass} grams per mole.",
     "{Its} molar mass is {molar_mass} g/mol.",
     "One mole of {formula} has a mass of {molar_mass} grams."},
    {"To make ten grams of {formula} one needs {batch}.", "Ten grams of {formula} contain {batch}.",
     "A batch of ten grams of {formula} takes {batch}, if nothing is lost.",
     "For a stoichiometric mixture of ten grams, weigh out {batch}."},
    // chemistry
    {"{Anion_element} is its most electronegative element, with {en_high} on Pauling's scale; "
     "{cation_element} "
     "has {en_low}.",
     "On Pauling's scale {anion_element} has {en_high} and {cation_element} {en_low}.",
     "The electronegativities of its elements range from {en_low} for {cation_element} to "
     "{en_high} for "
     "{anion_element}.",
     "A difference of {en_difference} in electronegativity points to {bonding} bonding between "
     "{cation_element} and {anion_element}.",
     "Because {cation_element} and {anion_element} differ by {en_difference} in electronegativity, "
     "their "
     "bonds are expected to be {bonding}."},
    {"The charges balance with {charges}.",
     "{It} is charge neutral if the oxidation states are {charges}.",
     "One assignment of oxidation states that is neutral is {charges}.",
     "Taking {charges}, the charges of {formula} add up to zero.",
     "In an ionic picture the atoms carry {charges}."},
    {"As {a_class}, {it} has {anion_element} as its negative partner.", "{It} is {a_class}.",
     "Chemists would call {it} {a_class}.", "{It} is one of the {class}s.",
     "{Formula} counts among the {class}s, since {anion_element} is its most electronegative "
     "element."},
    {"All of its elements are metals, so {it} is an {intermetallic}.",
     "{It} is an {intermetallic}: every element in it is a metal.",
     "Being made of metals only, {it} belongs to the {intermetallic}s."},
    {"{Family_element} is {a_family}.", "One of its elements, {family_element}, is {a_family}.",
     "With {family_element} {it} contains {a_family}.",
     "{Family_element}, {a_family}, is part of the structure."},
    {"Known oxidation states of {state_element} are {states}.",
     "{State_element} is known in the oxidation states {states}.",
     "Its {state_element} can in general take the oxidation states {states}."},
    // band gap, where it was measured
    {"Its measured band gap is {gap} eV, which makes {it} {a_gap_class}.",
     "Experiment gives a band gap of {gap} eV.", "{It} is {a_gap_class} with a gap of {gap} eV.",
     "{It} has{metallic} no band gap and conducts like a metal.",
     "No band gap is found in experiment: {it} is{metallic} a metal."},
    {"It is listed as {id} in the Materials Project.",
     "In the Materials Project it carries the number {id}.",
     "The data are those of entry {id} of the Materials Project."},
};

const FrameGroup kComparison[] = {
    {"{Formula} and {other} both contain {common}.", "Both {formula} and {other} hold {common}.",
     "Let us compare {formula} with {other}.", "{Formula} may be set beside {other}."},
    {"{Denser} is denser than {lighter}: {dense_high} against {dense_low} g/cm3.",
     "With {dense_high} g/cm3, {denser} outweighs {lighter}, which has {dense_low} g/cm3.",
     "The density of {lighter}, {dense_low} g/cm3, is lower than the {dense_high} g/cm3 of "
     "{denser}.",
     "{Denser} is {dense_ratio} times as dense as {lighter}."},
    {"Both crystallise in space group {same_sg}.", "They share the space group {same_sg}.",
     "Both are {same_system}, though their space groups differ: {sg} and {other_sg}.",
     "{Formula} is {system}, whereas {other} is {other_system}.",
     "The space group of {formula} is {sg}, that of {other} is {other_sg}."},
    {"An atom takes {roomy_volume} cubic angstrom in {roomy} but only {tight_volume} in {tight}.",
     "Atoms are packed more closely in {tight} than in {roomy}.",
     "Per atom, {roomy} needs {roomy_volume} and {tight} {tight_volume} cubic angstrom."},
    {"The shortest distance between atoms is {dmin} angstrom in {formula} and {other_dmin} in "
     "{other}.",
     "Nearest neighbours are {dmin} angstrom apart in {formula} and {other_dmin} angstrom in "
     "{other}."},
    {"The cell of {larger} has {larger_natoms} atoms, that of {smaller} {smaller_natoms}.",
     "{Larger} has the larger cell, with {larger_natoms} atoms against {smaller_natoms}."},
    {"Only {formula} contains {only_first}.", "{Formula} has {only_first}, which {other} lacks.",
     "In place of {only_second} in {other} there is {only_first} in {formula}."},
};

const FrameGroup kGap[] = {
    {"The band gap of {formula} is {gap} eV.", "For {formula} a band gap of {gap} eV was measured.",
     "Experiments on {formula} give a gap of {gap} eV.",
     "{Formula} has a gap of {gap} eV between its valence and conduction bands.",
     "{Formula} is {a_gap_class} with a measured gap of {gap} eV.",
     "{Formula} conducts like a metal:{metallic} no gap was found.",
     "No{metallic} band gap was found in {formula}.",
     "{Formula} is{metallic} a metal, without a gap at the Fermi level."},
    {"A gap of {gap} eV makes {it} {a_gap_class}.",
     "With {gap} eV between its bands, {it} is {a_gap_class}.",
     "A material with {gap} eV is counted as {a_gap_class}."},
    {"Light of {wavelength} nm and shorter can lift electrons across the gap.",
     "The gap corresponds to light with a wavelength of {wavelength} nm.",
     "Photons need {gap} eV, a wavelength of {wavelength} nm, to be absorbed."},
    {"{It} is transparent to {clear}visible light, whose photons carry at most 3.1 eV.",
     "Its gap is {clear}wider than the energy of visible photons, which is at most 3.1 eV.",
     "Even {infrared}red light has enough energy, 1.7 eV, to cross this gap.",
     "The gap is {infrared}smaller than the 1.7 eV of red photons.",
     "Part of the {visible}visible light, from 1.7 to 3.1 eV, is absorbed."},
    {"{Formula} contains {elements}.", "Its elements are {elements}.",
     "The elements in {it} are {elements}."},
    {"By mass, {part} makes up {mass_percent} percent of {formula}.",
     "{Mass_percent} percent of the mass of {formula} is {part}."},
    {"{Family_element} in {formula} is {a_family}.",
     "Among its elements, {family_element} is {a_family}."},
};

const FrameGroup kGapPair[] = {
    {"{Wider} has a wider gap than {narrower}.",
     "The gap of {wider}, {wide_gap} eV, exceeds that of {narrower} by {gap_difference} eV.",
     "Of {narrower} and {wider}, the latter has the wider gap.",
     "Between {wider} and {narrower} the gap differs by {gap_difference} eV."},
};

const FrameGroup kElement[] = {
    {"{Name}, symbol {symbol}, has the atomic number {z}.",
     "The symbol {symbol} stands for {name}, element number {z}.",
     "{Name} is the element with {z} protons and the symbol {symbol}.",
     "Element number {z} is {name}, written {symbol}."},
    {"{Name} is {a_family}.", "It belongs to the family of {family}s.",
     "Chemically, {name} is {a_family}."},
    {"Its atomic mass is {mass}.", "An atom of {name} weighs {mass} atomic mass units.",
     "One mole of {name} atoms has a mass of {mass} grams."},
    {"On Pauling's scale its electronegativity is {en}.",
     "{Name} has an electronegativity of {en}.",
     "With an electronegativity of {en} it is {en_word}."},
    {"It is known in the oxidation states {states}.", "Oxidation states of {name} are {states}.",
     "In compounds {name} takes the oxidation states {states}."},
    {"Among the crystals that contain {name} are {crystals}.", "{Name} is found in {crystals}.",
     "Compounds with {name} are {crystals}."},
    {"Of these, {densest} is the densest, with {dense_high} g/cm3.",
     "The densest of them is {densest} with {dense_high} g/cm3."},
};

}  // namespace

std::string fill(std::string_view frame, const Words& words) {
  std::string text;
  pieces(frame, [&](std::string_view piece, bool is_blank) {
    if (!is_blank) {
      text += piece;
      return;
    }
    const auto found = words.find(key_of(piece));
    if (found == words.end()) throw std::logic_error("unknown blank {" + std::string(piece) + "}");
    text += upper(piece[0]) ? capitalised(found->second) : found->second;
  });
  return text;
}

bool can_fill(std::string_view frame, const Words& words) {
  bool known = true;
  pieces(frame, [&](std::string_view piece, bool is_blank) {
    known = known && (!is_blank || words.find(key_of(piece)) != words.end());
  });
  return known;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(std::toupper(text[0]));
  }
  return text;
}

std::string with_article(std::string_view noun) {
  const bool vowel =
      !noun.empty() && std::string_view("aeiouAEIO").find(noun[0]) != std::string_view::npos;
  const bool sounds_like_you = noun.starts_with("uni");
  return (vowel && !sounds_like_you ? "an " : "a ") + std::string(noun);
}

std::string number_word(int number) {
  static constexpr const char* kWords[] = {"zero", "one",    "two",   "three", "four",
                                           "five", "six",    "seven", "eight", "nine",
                                           "ten",  "eleven", "twelve"};
  return number >= 0 && number <= 12 ? kWords[number] : std::to_string(number);
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? " and " : ", ";
    text += items[i];
  }
  return text;
}

std::span<const FrameGroup> crystal_frames() { return kCrystal; }
std::span<const FrameGroup> comparison_frames() { return kComparison; }
std::span<const FrameGroup> gap_frames() { return kGap; }
std::span<const FrameGroup> gap_pair_frames() { return kGapPair; }
std::span<const FrameGroup> element_frames() { return kElement; }

}  // namespace anneal
