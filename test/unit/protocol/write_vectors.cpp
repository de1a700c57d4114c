// Writes the files in protocol/vectors from the samples. Run it after a deliberate change of the
// protocol; the test `vectors` compares the committed files.
#include <fstream>
#include <iostream>

#include "vectors.hpp"

int main() {
  for (const std::string& file : vectors::files()) {
    std::ofstream out(vectors::path_of(file), std::ios::binary);
    out << vectors::expected(file);
    if (!out.flush()) {
      std::cerr << "cannot write " << vectors::path_of(file) << "\n";
      return 1;
    }
  }
  return 0;
}
