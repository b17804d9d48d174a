// memory/bm25.hpp - the term score of BM25 (Robertson & Zaragoza 2009).
#pragma once

#include <cmath>

namespace ruvector::memory {

struct Bm25 {
	double average_length; // of all documents, in terms
	double k1 = 1.2;       // how fast repetition saturates
	double b = 0.75;       // how much long documents are discounted, 0 to 1

	// What one term of the query adds to the score of a document.
	double term(double idf, double frequency, double length) const {
		const double norm = average_length > 0 ? 1 - b + b * length / average_length : 1;
		return frequency > 0 ? idf * frequency * (k1 + 1) / (frequency + k1 * norm) : 0;
	}
};

// Inverse document frequency, positive for every term.
inline double bm25_idf(double documents, double document_frequency) {
	return std::log1p((documents - document_frequency + 0.5) / (document_frequency + 0.5));
}

} // namespace ruvector::memory
