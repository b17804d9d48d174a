// demo/dataset.hpp - Fashion-MNIST: 60,000 pictures to search in, 10,000 to search for, ten classes.
#ifndef RUVECTOR_DEMO_DATASET_HPP
#define RUVECTOR_DEMO_DATASET_HPP

#include "matrix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ruvector::demo {

constexpr int kImageSide = 28;

struct Dataset {
	bench::Matrix images, queries;
	std::vector<std::uint8_t> image_labels, query_labels;
};

// folder: where the package dataset-fashion-mnist puts its four files.
Dataset read_dataset(const std::string &folder);

const char *class_name(int label);

} // namespace ruvector::demo

#endif
