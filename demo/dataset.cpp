// demo/dataset.cpp - reads Fashion-MNIST.
#include "dataset.hpp"

#include "idx.hpp"

#include <stdexcept>

namespace ruvector::demo {

Dataset read_dataset(const std::string &folder) {
	using bench::idx_to_matrix;
	using bench::read_idx;
	Dataset out;
	out.images = idx_to_matrix(read_idx(folder + "/train-images-idx3-ubyte.gz"));
	out.image_labels = read_idx(folder + "/train-labels-idx1-ubyte.gz").bytes;
	out.queries = idx_to_matrix(read_idx(folder + "/t10k-images-idx3-ubyte.gz"));
	out.query_labels = read_idx(folder + "/t10k-labels-idx1-ubyte.gz").bytes;
	if (out.images.dims != kImageSide * kImageSide || out.queries.dims != out.images.dims ||
		out.image_labels.size() != out.images.rows || out.query_labels.size() != out.queries.rows)
		throw std::runtime_error(folder + ": not the files of Fashion-MNIST");
	return out;
}

const char *class_name(int label) {
	static const char *const kNames[] = {"T-shirt", "Trouser", "Pullover", "Dress", "Coat",
										 "Sandal",  "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
	return label >= 0 && label < 10 ? kNames[label] : "?";
}

} // namespace ruvector::demo
