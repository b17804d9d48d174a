// stats/ridge.cpp - linear and logistic regression with a ridge penalty that is chosen from the data.
#include "stats/ridge.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ruvector::stats {

namespace {

// log(1 + exp(x)) without overflow.
double softplus(double x) {
	return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

double logistic(double x) {
	return 1 / (1 + std::exp(-x));
}

} // namespace

LinearModel fit_ridge(const Eigen::MatrixXd &x, const Eigen::VectorXd &y) {
	const double n = static_cast<double>(x.rows()), y_mean = y.mean();
	if (x.cols() == 0)
		return {y_mean, Eigen::VectorXd()};
	const Eigen::RowVectorXd x_mean = x.colwise().mean();
	const Eigen::MatrixXd centred = x.rowwise() - x_mean;
	const Eigen::VectorXd residual = y.array() - y_mean;

	// In the axes of the eigenvectors every penalty costs O(columns).
	Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(x.cols(), x.cols());
	gram.selfadjointView<Eigen::Lower>().rankUpdate(centred.transpose());
	const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(gram);
	const Eigen::ArrayXd values = eigen.eigenvalues().array().max(0);
	const Eigen::ArrayXd z = (eigen.eigenvectors().transpose() * (centred.transpose() * residual)).array();
	const double total = residual.squaredNorm();

	Eigen::ArrayXd best = Eigen::ArrayXd::Zero(x.cols());
	double least = std::numeric_limits<double>::infinity();
	for (int step = -8; step <= 8; ++step) {
		const double lambda = n * std::pow(10.0, step / 2.0);
		const Eigen::ArrayXd inverse = (values + lambda).inverse();
		const double parameters = 1 + (values * inverse).sum();
		if (parameters > 0.9 * n) // next to interpolation the criterion is 0 / 0
			continue;
		const double rss =
			std::max(0.0, total - 2 * (z.square() * inverse).sum() + (values * (z * inverse).square()).sum());
		const double error = rss / ((n - parameters) * (n - parameters));
		if (error < least) {
			least = error;
			best = z * inverse;
		}
	}
	LinearModel model;
	model.slopes = eigen.eigenvectors() * best.matrix();
	model.intercept = y_mean - x_mean.dot(model.slopes);
	return model;
}

LinearModel fit_logistic(const Eigen::MatrixXd &x, const Eigen::VectorXd &y, void (*poll)()) {
	const Eigen::Index n = x.rows(), d = x.cols() + 1;
	Eigen::MatrixXd design(n, d);
	design << Eigen::VectorXd::Ones(n), x;
	const double mean = y.mean();
	Eigen::VectorXd beta = Eigen::VectorXd::Zero(d), best = beta;
	beta[0] = std::log(mean / (1 - mean));
	double least = std::numeric_limits<double>::infinity();
	Eigen::MatrixXd scaled(n, d), hessian(d, d); // the lower half

	const auto objective = [&](const Eigen::VectorXd &b, const Eigen::VectorXd &eta, double lambda) {
		double sum = 0.5 * lambda * b.tail(d - 1).squaredNorm();
		for (Eigen::Index i = 0; i < n; ++i)
			sum += softplus(eta[i]) - y[i] * eta[i];
		return sum;
	};

	// From strong to weak, each starting where the one before ended. 1 is a normal prior of unit width on the change of
	// the log odds by one standard deviation of a column.
	for (double lambda : {1000.0, 100.0, 10.0, 1.0, 0.1}) {
		Eigen::VectorXd eta = design * beta, probability, weight;
		Eigen::LLT<Eigen::MatrixXd> factor;
		double value = objective(beta, eta, lambda);
		for (int iteration = 0; iteration < 50; ++iteration) {
			if (poll != nullptr)
				poll();
			probability = eta.unaryExpr(&logistic);
			weight = (probability.array() * (1 - probability.array())).max(1e-10);
			scaled = weight.cwiseSqrt().asDiagonal() * design;
			hessian.setZero();
			hessian.selfadjointView<Eigen::Lower>().rankUpdate(scaled.transpose());
			hessian.diagonal().tail(d - 1).array() += lambda;
			factor.compute(hessian);
			Eigen::VectorXd gradient = design.transpose() * (y - probability);
			gradient.tail(d - 1) -= lambda * beta.tail(d - 1);
			Eigen::VectorXd step = factor.solve(gradient);
			const double gain = 0.5 * gradient.dot(step); // what a full Newton step promises
			if (gain <= 1e-9 * (1 + value))
				break;
			// Halve the step until it helps: the objective is convex.
			double next = value;
			for (int halving = 0; halving < 30; ++halving, step *= 0.5) {
				const Eigen::VectorXd trial = beta + step, trial_eta = design * trial;
				next = objective(trial, trial_eta, lambda);
				if (next < value) {
					beta = trial;
					eta = trial_eta;
					break;
				}
			}
			if (!(next < value))
				break;
			value = next;
		}
		// Leaving out unit i moves its log odds by about h (p - y) / ((1 - h) w), h its leverage.
		const Eigen::MatrixXd half = factor.matrixL().solve(design.transpose());
		double deviance = 0;
		for (Eigen::Index i = 0; i < n; ++i) {
			const double leverage = std::min(0.99, weight[i] * half.col(i).squaredNorm());
			const double without = eta[i] + leverage / (1 - leverage) * (probability[i] - y[i]) / weight[i];
			deviance += softplus(without) - y[i] * without;
		}
		if (deviance < least) {
			least = deviance;
			best = beta;
		}
	}
	return {best[0], best.tail(d - 1)};
}

} // namespace ruvector::stats
