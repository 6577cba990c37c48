// Packed documents never see each other: changing document A leaves the loss of document B in the same
// row bit-identical (issue: "attention never crosses a boundary and positions restart").
#include "parallel/group.h"
#include "tests/catch.h"
#include "tests/trainer/synthetic_batch.h"
#include "trainer/sharded_model.h"

using namespace anneal;
using anneal::testing::small_shape;

TEST_CASE("the loss of a document does not depend on the other documents of its row") {
  const ModelShape shape = small_shape();
  ShardedModel model(shape, {}, {}, make_solo_group());
  model.fill_base(fresh_weights(shape, 5));
  TokenBatch batch = testing::rows(3, 1, shape.vocab_size);
  const auto loss_of = [&](std::int32_t document) {
    TokenBatch only = batch;
    for (std::size_t t = 0; t < only.targets.size(); ++t) {
      if (only.documents[t] != document) only.targets[t] = kNoTarget;
    }
    return model.loss(only);
  };
  const double a = loss_of(0), b = loss_of(1);
  CHECK(a > 0);
  CHECK(b > 0);
  for (std::size_t t = 0; t < batch.tokens.size(); ++t) {
    if (batch.documents[t] == 0) batch.tokens[t] = static_cast<TokenId>((batch.tokens[t] + 13) % shape.vocab_size);
  }
  CHECK(loss_of(1) == b);  // bit for bit
  CHECK(loss_of(0) != a);
  // The same change without isolation is seen: the test can fail.
  TokenBatch joined = batch;
  for (std::size_t t = 0; t < joined.tokens.size(); ++t) joined.documents[t] = 0;
  for (std::size_t t = 0; t < joined.targets.size(); ++t) {
    if (batch.documents[t] != 1) joined.targets[t] = kNoTarget;
  }
  CHECK(model.loss(joined) != b);
}
