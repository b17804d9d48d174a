// stats/ridge.hpp - linear and logistic regression with a ridge penalty that is chosen from the data. The columns of x are
// expected to be standardised: the penalties that are tried are on that scale.
#pragma once

#include <Eigen/Dense>

namespace ruvector::stats {

struct LinearModel {
	double intercept;
	Eigen::VectorXd slopes;

	double predict(const Eigen::Ref<const Eigen::RowVectorXd> &x) const { return intercept + x.dot(slopes); }
};

// Least squares; the penalty with the least generalised cross-validation error (Golub, Heath & Wahba 1979).
LinearModel fit_ridge(const Eigen::MatrixXd &x, const Eigen::VectorXd &y);

// Log odds of y (0 or 1) by iteratively reweighted least squares; the penalty with the least approximate leave-one-out
// deviance.
LinearModel fit_logistic(const Eigen::MatrixXd &x, const Eigen::VectorXd &y, void (*poll)());

} // namespace ruvector::stats
