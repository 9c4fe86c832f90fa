"""Collaborative filtering: the lesson's models on ratings of any number that fit in memory.

ratings = Ratings.from_csv("ratings.csv").with_titles("movies.csv")
train, valid = ratings.split(0.2, seed=1)
model = EmbeddingDotBias(factors=50, epochs=5, optimizer=Adam(1e-2), schedule="sgdr")
model.fit(train, validation=valid)
model.predict([(73, 1), (73, 2)]); model.evaluate(valid); model.recommend(73); model.similar("Toy Story (1995)")
model.save("model.npz"); load_model("model.npz")
"""

from sheetml.learn.baselines import Biases, GlobalMean
from sheetml.learn.bayesian import BayesianFactors
from sheetml.learn.dot_product import DotProduct
from sheetml.learn.embedding import EmbeddingDot, EmbeddingDotBias, EmbeddingNet
from sheetml.learn.factors import FactorModel, load_model
from sheetml.learn.finder import RateSearch, find_learning_rate
from sheetml.learn.history import Epoch
from sheetml.learn.least_squares import ALS
from sheetml.learn.optimizers import (
    SGD,
    SGDW,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Eve,
    Momentum,
    Nesterov,
    Optimizer,
    RMSProp,
)
from sheetml.learn.ratings import Ratings
from sheetml.learn.recommender import Recommender, Scored
from sheetml.learn.schedules import SGDR, Constant, OneCycle, Schedule, StepDecay

MODELS: dict[str, type[FactorModel]] = FactorModel.registry  # by name

__all__ = [
    "ALS",
    "MODELS",
    "SGD",
    "SGDR",
    "SGDW",
    "AMSGrad",
    "Adagrad",
    "Adam",
    "AdamW",
    "BayesianFactors",
    "Biases",
    "Constant",
    "DotProduct",
    "EmbeddingDot",
    "EmbeddingDotBias",
    "EmbeddingNet",
    "Epoch",
    "Eve",
    "FactorModel",
    "GlobalMean",
    "Momentum",
    "Nesterov",
    "OneCycle",
    "Optimizer",
    "RMSProp",
    "RateSearch",
    "Ratings",
    "Recommender",
    "Schedule",
    "Scored",
    "StepDecay",
    "find_learning_rate",
    "load_model",
]
