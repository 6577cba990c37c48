// System messages of the crystal tasks: paraphrases of our own, so that the model does not hang on
// one wording.
#include "data/crystal_tasks.h"

namespace anneal {
namespace {

const std::vector<std::string> kReading = {
    "You read crystallographic information files for a materials laboratory. Answer from the file "
    "that is shown.",
    "As a crystallographer, look up what is asked in the CIF file and reply with it alone.",
    "You are an assistant for materials data. Extract the requested detail of the unit cell from "
    "the "
    "CIF file.",
    "Study the CIF file below and give the one fact about its unit cell that is asked for.",
    "You know the CIF format well. Use it to answer a short question about a crystal.",
    "Act as a parser of crystal structure files: find the value in question and return it.",
    "A CIF file and a question follow. Answer exactly, without explanation.",
    "Your task is to read a crystal structure from its CIF file and report what is wanted.",
    "You help scientists to get facts out of crystal structure files. Be short and precise.",
};

const std::vector<std::string> kGeneration = {
    "You design stable inorganic crystals. Propose a structure that fits the description.",
    "As a materials scientist, answer with a crystal structure that meets the request.",
    "You are a generator of crystal structures. Write a plausible stable material in the format "
    "asked "
    "for.",
    "Given partial knowledge of a material, complete it to a full crystal structure.",
    "Suggest a stable crystal: its cell and all of its atoms, consistent with what is known.",
    "Use what you know of crystal chemistry to invent a structure that satisfies the conditions.",
    "You assist in the search for new materials. Return one candidate structure and nothing else.",
    "A material is described in part. Reply with a unit cell and atoms that could belong to it.",
    "Build a reasonable crystal structure from the information given.",
};

const std::vector<std::string> kInfill = {
    "You know which elements take each other's place in crystals. Name the hidden one.",
    "One element of a crystal has been hidden. Say which element fits.",
    "As a crystal chemist, infer the masked element from the cell and the other atoms.",
    "Predict the element that is missing from the description of a material.",
    "Find the element behind the mask, judging by the structure around it.",
    "A structure with a gap is shown. Fill the gap with one chemical symbol.",
    "Use the geometry and the neighbours to guess the element that was removed.",
    "You complete partial crystal structures. Answer with the symbol of one element.",
};

const std::vector<std::string> kDimensions = {
    "You estimate lattice parameters of crystals from their atoms.",
    "As a materials scientist, predict the size and shape of the cell that these atoms need.",
    "Given the atoms of a stable crystal, tell the lengths and angles of its lattice.",
    "Judge from elements and positions how large the unit cell must be.",
    "Derive a plausible unit cell for the atoms listed.",
    "You are asked for the dimensions of a crystal whose atoms are known.",
    "Use typical bond lengths to work out the cell of the crystal described.",
    "Supply the missing lattice of a stable crystal.",
};

const std::vector<std::string> kVolume = {
    "You compute properties of unit cells.",
    "As a crystallographer, work out the volume of the cell that is described.",
    "Calculate the cell volume of the crystal from its lengths and angles.",
    "You are a careful calculator for crystal geometry.",
    "Find out how much space one unit cell of this crystal takes.",
    "Determine the volume, in cubic angstrom, of the lattice cell shown.",
    "Use the lattice vectors to obtain the volume of the cell.",
    "Answer a question about the geometry of a crystal with one number.",
};

const std::vector<std::string> kFormulae = {
    "You work out chemical formulae of crystals from their unit cells.",
    "Count the atoms of the cell and give the reduced formula.",
    "As a chemist, name the compound whose unit cell is described.",
    "Turn the list of atoms into a chemical formula.",
    "You identify materials from their crystal structures.",
    "Read the atoms of a crystal and report its composition as a formula.",
    "Tell which compound this is, by its simplest formula.",
    "Give the chemical formula that belongs to the structure.",
};

}  // namespace

const std::vector<std::string>& crystal_task_systems(CrystalTask task) {
  switch (task) {
    case CrystalTask::kConditionalGeneration:
    case CrystalTask::kElementGeneration:
      return kGeneration;
    case CrystalTask::kInfill:
      return kInfill;
    case CrystalTask::kDimensionsSem:
      return kDimensions;
    case CrystalTask::kVolCalc:
      return kVolume;
    case CrystalTask::kFormulaCompute:
      return kFormulae;
    default:
      return kReading;
  }
}

}  // namespace anneal
