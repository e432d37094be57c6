"""What turns candidates into preferences, in the order of the story."""

from grading.models.assignment import Assignment
from grading.models.confirmation import Confirmation
from grading.models.export import Export, ExportPart, Pseudonym
from grading.models.gold import Gold
from grading.models.guess import Guess
from grading.models.judgement import Judgement
from grading.models.page import Fragment, PageWords, PairPage, Picture, ReadMark, Trouble, View
from grading.models.pair import BlindPair
from grading.models.payout import Payout
from grading.models.preference import Preference, Receipt, Revision
from grading.models.result import MaskedArm, Result, Vote
from grading.models.review import Review
from grading.models.tree import BaseFile, BaseTree, TreeWords

__all__ = [
    "Assignment",
    "BaseFile",
    "BaseTree",
    "BlindPair",
    "Confirmation",
    "Export",
    "ExportPart",
    "Fragment",
    "Gold",
    "Guess",
    "Judgement",
    "MaskedArm",
    "PageWords",
    "PairPage",
    "Payout",
    "Picture",
    "Preference",
    "Pseudonym",
    "ReadMark",
    "Receipt",
    "Result",
    "Review",
    "Revision",
    "TreeWords",
    "Trouble",
    "View",
    "Vote",
]
