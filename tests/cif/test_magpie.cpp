// The Magpie vector against matminer (reference/make_magpie.py).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "cif/csv.h"
#include "cif/elements.h"
#include "cif/fingerprint/magpie.h"
#include "tests/catch.h"
#include "tests/source_folder.h"

using namespace anneal;

namespace {
const std::string kReference =
    anneal::testing::source_folder() / "tests/cif/reference/magpie.csv";

/// "Fe2 O3"
Composition from_formula(const std::string& text) {
  Composition result;
  std::istringstream terms(text);
  for (std::string term; terms >> term;) {
    const std::size_t digits = term.find_first_of("0123456789");
    result[atomic_number(term.substr(0, digits))] += std::atoi(term.c_str() + digits);
  }
  return result;
}
}  // namespace

TEST_CASE("the Magpie vector is matminer's for every element") {
  const char* other = std::getenv("ANNEAL_TEST_MAGPIE");
  CsvReader reader(other != nullptr ? other : kReference);
  REQUIRE(reader.columns().size() == 1 + kMagpieSize);
  std::vector<std::string> row;
  std::array<bool, 119> seen{};
  int rows = 0;
  while (reader.next(row)) {
    const Composition composition = from_formula(row[0]);
    for (const auto& [z, count] : composition) seen.at(z) = true;
    const auto vector = magpie_vector(composition);
    for (int k = 0; k < kMagpieSize; ++k) {
      INFO(row[0] << ", component " << k);
      const double expected = std::strtod(row[1 + k].c_str(), nullptr);
      // the reference is stored with ten digits
      CHECK(std::abs(vector[k] - expected) <= 1e-6 + 1e-9 * std::abs(expected));
    }
    ++rows;
  }
  CHECK(rows > 30);
  if (other != nullptr) {
    std::printf("%d compositions\n", rows);
    return;
  }
  for (int z = 1; z <= 118; ++z) CHECK(seen[z]);
}

TEST_CASE("the Magpie vector does not depend on the formula unit, and knows its bounds") {
  const auto one = magpie_vector({{26, 2}, {8, 3}}), four = magpie_vector({{26, 8}, {8, 12}});
  for (int k = 0; k < kMagpieSize; ++k) CHECK(one[k] == Approx(four[k]).epsilon(1e-14));
  CHECK(magpie_vector({})[0] == 0);
  CHECK_THROWS(magpie_vector({{119, 1}}));
}

TEST_CASE("standardized compositions are measured in the deviations of CDVAE's training set") {
  const auto raw = magpie_vector({{11, 1}, {17, 1}});
  const auto scaled = standardized(raw);
  CHECK(scaled[0] == Approx((11 - 21.194441759304013) / 16.35781741152948));
  CHECK(scaled[131] == Approx((64 - 136.4664572257129) / 85.980205895116));
}
